using gw from '../db/schema';

@requires: 'reader'
service Sales {
  @Capabilities.FilterRestrictions.NonFilterableProperties: [remark]
  @Capabilities.SortRestrictions.NonSortableProperties: [called]
  entity Customers  as projection on gw.Customers;
  entity Countries  as projection on gw.Countries;
  entity Orders     as projection on gw.Orders;
  entity OrderLines as projection on gw.OrderLines;
  @Capabilities.CountRestrictions.Countable: true
  entity Readings   as projection on gw.Readings;
  @restrict: [{ grant: 'READ', to: 'reader', where: 'hidden = false' }]
  entity Letters    as projection on gw.Letters;
}
