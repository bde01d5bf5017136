// SAP's server, on loopback only: left to itself it listens on all interfaces.
const cds = require('@sap/cds')
const express = require('express')

module.exports = options => {
  const app = express()
  const listen = app.listen.bind(app)
  app.listen = port => {
    const server = listen(port, '127.0.0.1')
    server.once('listening', () => console.log(`groundwire: port ${server.address().port}`))
    return server
  }
  return cds.server({ ...options, app })
}
