"""A demonstration company: one set of customers, seen by a CRM, an ERP and a warehouse."""
