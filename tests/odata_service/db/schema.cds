namespace gw;

using { managed } from '@sap/cds/common';

entity Countries {
  key code : String(2);
  name     : String(60);
}

entity Customers : managed {
  key ID      : Integer;
  name        : String(120) @title: 'Customer Name' @description: 'as it stands on invoices';
  remark      : LargeString;
  country     : Association to Countries;
  parent      : Association to Customers;
  orders      : Association to many Orders on orders.customer = $self;
  balance     : Decimal(15, 2);
  credit      : Int64;
  score       : Double;
  since       : Date;
  seen        : Timestamp;
  called      : DateTime;
  opens       : Time;
  active      : Boolean;
  token       : UUID;
  grade       : String(1) enum { Gold = 'G'; Silver = 'S'; Bronze = 'B'; };
}

entity Orders {
  key ID   : UUID;
  customer : Association to Customers;
  amount   : Decimal(12, 3) not null;
  currency : String(3);
  placed   : DateTime;
  lines    : Composition of many OrderLines on lines.order = $self;
}

entity OrderLines {
  key order : Association to Orders;
  key pos   : Integer;
  text      : String(40);
}

entity Readings {
  key ID : Integer;
  sensor : String(20);
  value  : Double;
}

entity Letters {
  key ID : Integer;
  text   : String(40);
  hidden : Boolean;
}
