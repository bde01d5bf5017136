-- A hirer of plant and tools: depots, customers, models and their machines, contracts, payments, inspections, stock.
-- All tables are in the schema plant_hire; types of account and kinds of payment are numbers. Stock snapshots have no declared foreign key.
-- Dates are relative to the day of loading, except depots, machines, most customers, and what is of 2023.
SET TIME ZONE 'UTC';

CREATE SCHEMA IF NOT EXISTS plant_hire;

CREATE TABLE plant_hire.depots (
  depot_id INT PRIMARY KEY,
  name VARCHAR(60) NOT NULL,
  region VARCHAR(30) NOT NULL, -- possible values: North, Midlands, South, Wales
  city VARCHAR(50) NOT NULL,
  opened_on DATE NOT NULL,
  manager_name VARCHAR(80),
  yard_capacity INT,
  status VARCHAR(20) NOT NULL -- possible values: open, seasonal, closed
);

CREATE TABLE plant_hire.customers (
  cust_id BIGINT PRIMARY KEY,
  company_name VARCHAR(100) NOT NULL,
  trade VARCHAR(40), -- possible values: builder, landscaper, events, council, private
  contact_name VARCHAR(80),
  contact_email VARCHAR(100),
  phone VARCHAR(25),
  city VARCHAR(50),
  postcode VARCHAR(10),
  account_type INT NOT NULL, -- 0 for cash, 1 for 30-day credit, 2 for key account
  credit_limit DECIMAL(10,2), -- NULL for cash customers
  signed_up_at TIMESTAMP NOT NULL,
  status VARCHAR(20) NOT NULL -- possible values: active, on_stop, closed
);

CREATE TABLE plant_hire.machine_models (
  model_id INT PRIMARY KEY,
  maker VARCHAR(50) NOT NULL,
  model_name VARCHAR(80) NOT NULL,
  category VARCHAR(50) NOT NULL,
  sub_category VARCHAR(50),
  power_source VARCHAR(20) NOT NULL, -- possible values: diesel, petrol, electric, manual
  weight_kg DECIMAL(8,1),
  list_day_rate DECIMAL(8,2) NOT NULL,
  list_week_rate DECIMAL(8,2) NOT NULL
);

CREATE TABLE plant_hire.machines (
  machine_id INT PRIMARY KEY,
  model_id INT NOT NULL REFERENCES plant_hire.machine_models(model_id),
  home_depot_id INT NOT NULL REFERENCES plant_hire.depots(depot_id),
  serial_no VARCHAR(30) NOT NULL,
  purchased_on DATE NOT NULL,
  purchase_price DECIMAL(10,2),
  hour_meter DECIMAL(8,1), -- NULL if the machine has no meter
  status VARCHAR(20) NOT NULL -- possible values: available, on_hire, workshop, sold
);

-- Fact Tables --

CREATE TABLE plant_hire.contracts (
  contract_id BIGINT PRIMARY KEY,
  cust_id BIGINT NOT NULL REFERENCES plant_hire.customers(cust_id),
  depot_id INT NOT NULL REFERENCES plant_hire.depots(depot_id), -- depot that opened the contract
  opened_at TIMESTAMP NOT NULL,
  closed_at TIMESTAMP, -- NULL if still running or cancelled
  channel VARCHAR(20) NOT NULL, -- possible values: counter, phone, web
  status VARCHAR(20) NOT NULL, -- possible values: open, closed, cancelled
  deposit_amount DECIMAL(10,2) NOT NULL,
  po_number VARCHAR(30),
  site_address TEXT
);

CREATE TABLE plant_hire.contract_lines (
  line_id SERIAL PRIMARY KEY,
  contract_id BIGINT NOT NULL REFERENCES plant_hire.contracts(contract_id),
  machine_id INT NOT NULL REFERENCES plant_hire.machines(machine_id),
  out_date DATE NOT NULL,
  due_back DATE NOT NULL,
  returned_on DATE, -- NULL if still out
  daily_rate DECIMAL(8,2) NOT NULL,
  discount_pct DECIMAL(5,2) NOT NULL,
  damage_waiver BOOLEAN NOT NULL
);

CREATE TABLE plant_hire.payments (
  payment_id BIGINT PRIMARY KEY,
  contract_id BIGINT NOT NULL REFERENCES plant_hire.contracts(contract_id),
  paid_at TIMESTAMP NOT NULL,
  amount DECIMAL(10,2) NOT NULL,
  kind INT NOT NULL, -- 0 for hire charge, 1 for deposit, 2 for damage
  method VARCHAR(20) NOT NULL, -- possible values: card, bank_transfer, cash, direct_debit
  status VARCHAR(20) NOT NULL, -- possible values: cleared, pending, bounced, refunded
  gateway_ref VARCHAR(40)
);

CREATE TABLE plant_hire.inspections (
  inspection_id SERIAL PRIMARY KEY,
  machine_id INT NOT NULL REFERENCES plant_hire.machines(machine_id),
  inspected_at TIMESTAMP NOT NULL,
  inspector VARCHAR(60),
  result VARCHAR(20) NOT NULL, -- possible values: pass, advisory, fail
  repair_cost DECIMAL(8,2),
  notes TEXT,
  next_due DATE
);

CREATE TABLE plant_hire.depot_stock_daily (
  depot_id INT NOT NULL,
  snapshot_date DATE NOT NULL,
  machines_available INT NOT NULL,
  machines_on_hire INT NOT NULL,
  machines_workshop INT NOT NULL,
  fuel_litres DECIMAL(8,1), -- NULL if the tank was not read
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (depot_id, snapshot_date)
);

-- depots
INSERT INTO plant_hire.depots (depot_id, name, region, city, opened_on, manager_name, yard_capacity, status)
VALUES
  (1, 'Leeds Kirkstall', 'North', 'Leeds', '2004-03-15', 'Alan Firth', 120, 'open'),
  (2, 'Manchester Trafford', 'North', 'Manchester', '2008-10-06', 'Joanne Kelly', 150, 'open'),
  (3, 'Derby Pride Park', 'Midlands', 'Derby', '2011-05-23', 'Sukhdev Gill', 90, 'open'),
  (4, 'Bristol Avonmouth', 'South', 'Bristol', '2001-09-10', 'Helen Vickers', 140, 'open'),
  (5, 'Swansea Docks', 'Wales', 'Swansea', '2016-02-01', 'Rhys Morgan', 60, 'seasonal'),
  (6, 'Coventry Holbrooks', 'Midlands', 'Coventry', '2013-08-19', NULL, 75, 'open'),
  (7, 'Truro Threemilestone', 'South', 'Truro', '2007-04-02', NULL, 40, 'closed');

-- customers
INSERT INTO plant_hire.customers (cust_id, company_name, trade, contact_name, contact_email, phone, city, postcode, account_type, credit_limit, signed_up_at, status)
VALUES
  (101, 'Aldous & Sons Builders', 'builder', 'Peter Aldous', 'peter@aldousbuilders.co.uk', '+44113496001', 'Leeds', 'LS5 3BT', 1, 8000.0, '2019-04-11 09:20:00', 'active'),
  (102, 'Greenfold Landscapes', 'landscaper', 'Tara Quinn', 'office@greenfold.co.uk', '+44161496002', 'Manchester', 'M17 1AB', 1, 5000.0, '2020-02-03 14:05:00', 'active'),
  (103, 'Pennine Festivals Ltd', 'events', 'Dom Ashworth', 'dom@penninefest.com', '+44161496003', 'manchester', 'M4 5JD', 0, NULL, '2022-05-30 11:40:00', 'active'),
  (104, 'Derby City Council', 'council', 'Elaine Moss', 'plant@derbycouncil.gov.uk', NULL, 'Derby', 'DE1 2FS', 2, 40000.0, '2015-01-19 10:00:00', 'active'),
  (105, 'Rowan Tree Care', 'landscaper', 'Kit Rowan', 'kit@rowantrees.com', '+44117496005', 'Bristol', 'BS11 8AX', 0, NULL, '2023-02-02 08:15:00', 'active'),
  (106, 'Mr J Whitlock', 'private', 'Jim Whitlock', 'jwhitlock@mailpost.net', '+44113496006', 'Leeds', 'LS6 2QT', 0, NULL, '2023-03-06 16:30:00', 'active'),
  (107, 'Cambrian Civil Works', 'builder', 'Sian Pryce', 'accounts@cambriancivil.wales', '+44179496007', 'Swansea', 'SA1 8QY', 2, 60000.0, '2016-07-25 09:00:00', 'active'),
  (108, 'Brightwater Events', 'events', 'Naomi Ford', 'naomi@brightwater.events', '+44117496008', 'Bristol', 'BS1 4RW', 1, 3500.0, '2021-11-15 13:10:00', 'on_stop'),
  (109, 'Holbrook Groundworks', 'builder', 'Ade Bello', 'ade@holbrookgw.co.uk', '+44247496009', 'Coventry', 'CV6 4AZ', 1, 12000.0, '2018-09-03 07:45:00', 'active'),
  (110, 'Mrs L Petrov', 'private', 'Lena Petrov', 'lena.petrov@mailpost.net', NULL, 'Leeds', 'LS12 4NQ', 0, NULL, '2022-12-12 12:00:00', 'closed'),
  (111, 'Moorside Roofing', 'builder', 'Craig Moor', 'craig@moorsideroofing.co.uk', '+44113496011', 'LEEDS', 'LS9 8DR', 1, 4000.0, '2023-01-09 10:25:00', 'active'),
  (112, 'Severn Valley Fencing', 'landscaper', 'Polly Hale', 'polly@svfencing.co.uk', '+44117496012', 'Bristol', 'BS3 2NS', 0, NULL, '2022-08-22 15:50:00', 'active'),
  (113, 'Coventry Canal Trust', 'council', 'Graham Lusk', 'works@covcanal.org.uk', '+44247496013', 'Coventry', 'CV1 4LY', 2, 9000.0, '2020-10-12 09:30:00', 'active'),
  (114, 'Sunrise Marquees', 'events', 'Bea Lomax', 'bea@sunrisemarquees.com', '+44161496014', 'Manchester', 'M22 4QR', 1, 6000.0, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '4 days', 'active'),
  (115, 'Trent Paving', 'builder', 'Owen Slack', 'owen@trentpaving.co.uk', '+44133496015', 'Derby', 'DE24 8HX', 1, 7000.0, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '2 days', 'active'),
  (116, 'Mr R Adeyemi', 'private', 'Ray Adeyemi', 'ray.adeyemi@mailpost.net', '+44113496016', 'Leeds', 'LS8 1JF', 0, NULL, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '3 days', 'active'),
  (117, 'Gower Garden Design', 'landscaper', 'Mali Bevan', 'mali@gowergardens.wales', '+44179496017', 'Swansea', 'SA3 4PP', 0, NULL, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '9 days', 'active'),
  (118, 'Northgate Joinery', 'builder', 'Fay Tulloch', 'fay@northgatejoinery.co.uk', '+44161496018', 'Manchester', 'M12 6JH', 1, 2500.0, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '1 days', 'active'),
  (119, 'Quayside Productions', 'events', 'Ivo Klein', 'ivo@quayside.tv', NULL, 'Bristol', 'BS1 5TY', 0, NULL, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '5 days', 'on_stop'),
  (120, 'Mr D Sutcliffe', 'private', 'Dan Sutcliffe', 'dan.sut@mailpost.net', '+44247496020', 'Coventry', 'CV3 2TX', 0, NULL, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '7 months' + INTERVAL '6 days', 'active');

-- machine_models
INSERT INTO plant_hire.machine_models (model_id, maker, model_name, category, sub_category, power_source, weight_kg, list_day_rate, list_week_rate)
VALUES
  (1, 'Kubota', 'U17-3 Mini Excavator', 'Excavators', 'Mini', 'diesel', 1700, 85, 290),
  (2, 'JCB', '3CX Backhoe', 'Excavators', 'Backhoe', 'diesel', 8070, 165, 620),
  (3, 'Takeuchi', 'TB216', 'Excavators', 'Mini', 'diesel', 1780, 88, 305),
  (4, 'Genie', 'GS-1932 Scissor Lift', 'Access platforms', 'Scissor lift', 'electric', 1503, 70, 215),
  (5, 'Niftylift', '120T Trailer Boom', 'Access platforms', 'Boom lift', 'electric', 1330, 110, 360),
  (6, 'Hilti', 'TE 1000-AVR Breaker', 'Power tools', 'Breakers', 'electric', 12.5, 28, 84),
  (7, 'Makita', 'HR2630 Hammer Drill', 'Power tools', 'Drills', 'electric', 2.8, 14, 38),
  (8, 'Stihl', 'TS 420 Disc Cutter', 'Power tools', 'Cutters', 'petrol', 9.6, 32, 92),
  (9, 'Honda', 'EU22i Generator', 'Generators', 'Portable', 'petrol', 21.1, 30, 95),
  (10, 'Atlas Copco', 'QAS 60 Generator', 'Generators', 'Towable', 'diesel', 1450, 120, 420),
  (11, 'Wacker Neuson', 'WP1550 Plate Compactor', 'Compaction', 'Plate', 'petrol', 90, 35, 105),
  (12, 'Bomag', 'BW 80 Roller', 'Compaction', 'Roller', 'diesel', 1480, 78, 260),
  (13, 'Belle', 'Minimix 150', 'Concreting', 'Mixers', 'petrol', 45, 16, 48),
  (14, 'Youngman', 'BoSS 850 Tower', 'Access platforms', 'Towers', 'manual', 185, 45, 130),
  (15, 'Altrad', 'Fort Wheelbarrow', 'Concreting', 'Barrows', 'manual', 17.5, 4, 12);

-- machines
INSERT INTO plant_hire.machines (machine_id, model_id, home_depot_id, serial_no, purchased_on, purchase_price, hour_meter, status)
VALUES
  (501, 1, 1, 'KU01-7347', '2019-03-04', 16500.0, 2140.5, 'available'),
  (502, 1, 2, 'KU01-7384', '2021-06-14', 17900.0, 1205.0, 'available'),
  (503, 1, 4, 'KU01-7421', '2022-09-26', 18750.0, 610.2, 'available'),
  (504, 2, 3, 'JC02-7458', '2017-05-08', 52000.0, 5870.0, 'on_hire'),
  (505, 2, 5, 'JC02-7495', '2020-11-16', 58500.0, 3011.7, 'workshop'),
  (506, 3, 6, 'TA03-7532', '2022-02-21', 19800.0, 744.9, 'available'),
  (507, 3, 1, 'TA03-7569', '2023-01-30', 20400.0, 388.0, 'available'),
  (508, 4, 2, 'GE04-7606', '2018-10-15', 9200.0, 912.3, 'available'),
  (509, 4, 4, 'GE04-7643', '2021-04-12', 9900.0, 540.6, 'available'),
  (510, 4, 3, 'GE04-7680', '2022-07-04', 10250.0, 233.8, 'available'),
  (511, 5, 2, 'NI05-7717', '2019-08-19', 21000.0, 1330.4, 'on_hire'),
  (512, 5, 1, 'NI05-7754', '2022-11-07', 23800.0, 402.2, 'available'),
  (513, 6, 1, 'HI06-7791', '2021-01-18', 1450.0, NULL, 'available'),
  (514, 6, 3, 'HI06-7828', '2021-01-18', 1450.0, NULL, 'on_hire'),
  (515, 6, 4, 'HI06-7865', '2020-05-11', 1390.0, NULL, 'sold'),
  (516, 7, 2, 'MA07-7902', '2022-03-28', 240.0, NULL, 'on_hire'),
  (517, 7, 6, 'MA07-7939', '2022-03-28', 240.0, NULL, 'available'),
  (518, 8, 1, 'ST08-7976', '2021-09-06', 890.0, NULL, 'on_hire'),
  (519, 8, 5, 'ST08-8013', '2022-05-16', 920.0, NULL, 'available'),
  (520, 9, 4, 'HO09-8050', '2020-07-27', 1050.0, 310.0, 'available'),
  (521, 9, 3, 'HO09-8087', '2023-02-13', 1180.0, 95.5, 'on_hire'),
  (522, 10, 2, 'AT10-8124', '2016-12-05', 24500.0, 7712.0, 'available'),
  (523, 10, 4, 'AT10-8161', '2021-10-25', 28900.0, 2650.3, 'available'),
  (524, 11, 6, 'WA11-8198', '2020-03-09', 1320.0, NULL, 'available'),
  (525, 11, 1, 'WA11-8235', '2022-06-20', 1410.0, NULL, 'available'),
  (526, 12, 3, 'BO12-8272', '2018-04-23', 11800.0, 1874.6, 'available'),
  (527, 12, 5, 'BO12-8309', '2019-09-30', 12400.0, 1420.1, 'sold'),
  (528, 13, 1, 'BE13-8346', '2022-01-10', 390.0, NULL, 'available'),
  (529, 13, 4, 'BE13-8383', '2022-01-10', 390.0, NULL, 'available'),
  (530, 14, 2, 'YO14-8420', '2020-08-03', 1750.0, NULL, 'available'),
  (531, 14, 6, 'YO14-8457', '2021-12-06', 1890.0, NULL, 'available'),
  (532, 15, 3, 'AL15-8494', '2022-10-17', 65.0, NULL, 'available'),
  (533, 13, 7, 'BE13-8531', '2015-06-01', 310.0, NULL, 'sold');

-- contracts
INSERT INTO plant_hire.contracts (contract_id, cust_id, depot_id, opened_at, closed_at, channel, status, deposit_amount, po_number, site_address)
VALUES
  (9001, 111, 1, '2023-01-17 11:20:00', '2023-01-20 12:05:00', 'phone', 'closed', 100.0, 'PO-4264', 'Riverside car park'),
  (9002, 104, 3, '2023-01-24 15:10:00', '2023-02-09 16:10:00', 'phone', 'closed', 0.0, 'PO-9799', NULL),
  (9003, 101, 1, '2023-02-06 09:10:00', '2023-02-10 10:10:00', 'counter', 'closed', 75.0, 'PO-2508', 'Unit 4 Canal Wharf'),
  (9004, 105, 4, '2023-02-08 13:50:00', '2023-02-13 14:05:00', 'counter', 'closed', 250.0, NULL, '12 Orchard Close'),
  (9005, 105, 4, '2023-02-21 08:35:00', '2023-02-25 09:20:00', 'phone', 'closed', 200.0, NULL, 'Unit 4 Canal Wharf'),
  (9006, 102, 2, '2023-03-01 12:50:00', '2023-03-13 13:50:00', 'counter', 'closed', 100.0, 'PO-4234', '12 Orchard Close'),
  (9007, 106, 1, '2023-03-09 14:05:00', '2023-03-16 15:50:00', 'counter', 'closed', 200.0, NULL, 'A52 verge works'),
  (9008, 106, 1, '2023-03-18 15:05:00', '2023-03-25 16:50:00', 'phone', 'closed', 100.0, NULL, 'St Marks School'),
  (9009, 106, 1, '2023-03-25 16:05:00', '2023-04-08 17:35:00', 'web', 'closed', 250.0, NULL, NULL),
  (9010, 107, 5, '2023-03-22 15:20:00', '2023-03-26 16:50:00', 'counter', 'closed', 250.0, 'PO-7135', 'Showground Field B'),
  (9011, 109, 6, '2023-04-04 14:35:00', '2023-04-14 15:05:00', 'phone', 'closed', 250.0, 'PO-1630', '12 Orchard Close'),
  (9012, 103, 2, '2023-04-20 10:10:00', NULL, 'phone', 'cancelled', 200.0, NULL, NULL),
  (9013, 104, 3, '2023-05-03 08:50:00', '2023-05-17 09:50:00', 'counter', 'closed', 0.0, 'PO-3018', 'Showground Field B'),
  (9014, 112, 4, '2023-05-10 09:35:00', '2023-05-15 10:05:00', 'web', 'closed', 150.0, NULL, NULL),
  (9015, 108, 4, '2023-05-17 16:50:00', '2023-06-02 17:10:00', 'web', 'closed', 250.0, 'PO-6180', '12 Orchard Close'),
  (9016, 101, 1, '2023-06-07 14:50:00', '2023-06-21 15:10:00', 'counter', 'closed', 150.0, 'PO-6548', 'Unit 4 Canal Wharf'),
  (9017, 110, 1, '2023-06-19 11:10:00', '2023-06-21 12:50:00', 'phone', 'closed', 50.0, NULL, 'Plot 12 Mill Rise'),
  (9018, 114, 2, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '11 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '7 days' + INTERVAL '12 hours', 'counter', 'closed', 100.0, 'PO-6315', 'Plot 12 Mill Rise'),
  (9019, 115, 3, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '4 days' + INTERVAL '8 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '4 days' + INTERVAL '13 days' + INTERVAL '9 hours', 'web', 'closed', 200.0, 'PO-4899', 'Unit 4 Canal Wharf'),
  (9020, 115, 3, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '8 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '5 days' + INTERVAL '9 hours', 'counter', 'closed', 75.0, 'PO-8654', NULL),
  (9021, 116, 1, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days' + INTERVAL '7 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days' + INTERVAL '14 days' + INTERVAL '8 hours', 'counter', 'closed', 250.0, NULL, NULL),
  (9022, 118, 2, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '9 days' + INTERVAL '8 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '9 days' + INTERVAL '7 days' + INTERVAL '9 hours', 'counter', 'closed', 120.0, 'PO-7941', 'Showground Field B'),
  (9023, 107, 5, CURRENT_DATE - INTERVAL '104 days' + INTERVAL '14 hours', CURRENT_DATE - INTERVAL '104 days' + INTERVAL '6 days' + INTERVAL '15 hours', 'phone', 'closed', 50.0, 'PO-6616', '12 Orchard Close'),
  (9024, 102, 2, CURRENT_DATE - INTERVAL '93 days' + INTERVAL '9 hours', CURRENT_DATE - INTERVAL '93 days' + INTERVAL '14 days' + INTERVAL '10 hours', 'counter', 'closed', 75.0, 'PO-7653', '12 Orchard Close'),
  (9025, 113, 6, CURRENT_DATE - INTERVAL '81 days' + INTERVAL '13 hours', CURRENT_DATE - INTERVAL '81 days' + INTERVAL '7 days' + INTERVAL '14 hours', 'web', 'closed', 0.0, 'PO-1249', 'Unit 4 Canal Wharf'),
  (9026, 101, 1, CURRENT_DATE - INTERVAL '66 days' + INTERVAL '16 hours', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '9 days' + INTERVAL '17 hours', 'counter', 'closed', 250.0, 'PO-2698', 'Plot 12 Mill Rise'),
  (9027, 109, 6, CURRENT_DATE - INTERVAL '59 days' + INTERVAL '16 hours', CURRENT_DATE - INTERVAL '59 days' + INTERVAL '3 days' + INTERVAL '17 hours', 'counter', 'closed', 120.0, 'PO-1149', 'Showground Field B'),
  (9028, 104, 3, CURRENT_DATE - INTERVAL '52 days' + INTERVAL '9 hours', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '6 days' + INTERVAL '10 hours', 'phone', 'closed', 50.0, 'PO-8421', NULL),
  (9029, 117, 5, CURRENT_DATE - INTERVAL '46 days' + INTERVAL '15 hours', NULL, 'counter', 'cancelled', 120.0, NULL, NULL),
  (9030, 112, 4, CURRENT_DATE - INTERVAL '41 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '41 days' + INTERVAL '10 days' + INTERVAL '11 hours', 'phone', 'closed', 200.0, NULL, 'Unit 4 Canal Wharf'),
  (9031, 113, 6, CURRENT_DATE - INTERVAL '37 days' + INTERVAL '16 hours', CURRENT_DATE - INTERVAL '37 days' + INTERVAL '14 days' + INTERVAL '17 hours', 'counter', 'closed', 0.0, 'PO-3076', NULL),
  (9032, 101, 1, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days' + INTERVAL '11 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days' + INTERVAL '4 days' + INTERVAL '12 hours', 'phone', 'closed', 100.0, 'PO-3790', NULL),
  (9033, 103, 2, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days' + INTERVAL '15 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days' + INTERVAL '13 days' + INTERVAL '16 hours', 'web', 'closed', 120.0, NULL, 'St Marks School'),
  (9034, 104, 3, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days' + INTERVAL '8 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days' + INTERVAL '4 days' + INTERVAL '9 hours', 'phone', 'closed', 200.0, 'PO-2846', 'Plot 12 Mill Rise'),
  (9035, 112, 4, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '6 days' + INTERVAL '15 hours', NULL, 'web', 'cancelled', 50.0, NULL, '12 Orchard Close'),
  (9036, 109, 6, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '0 days' + INTERVAL '8 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '0 days' + INTERVAL '3 days' + INTERVAL '9 hours', 'counter', 'closed', 100.0, 'PO-1960', 'Riverside car park'),
  (9037, 116, 1, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days' + INTERVAL '9 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days' + INTERVAL '9 days' + INTERVAL '10 hours', 'web', 'closed', 200.0, NULL, NULL),
  (9038, 102, 2, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '6 days' + INTERVAL '7 hours', NULL, 'web', 'cancelled', 50.0, 'PO-9752', NULL),
  (9039, 107, 5, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days' + INTERVAL '16 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days' + INTERVAL '5 days' + INTERVAL '17 hours', 'phone', 'closed', 75.0, 'PO-5541', 'St Marks School'),
  (9040, 118, 2, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '2 days' + INTERVAL '10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '2 days' + INTERVAL '6 days' + INTERVAL '11 hours', 'counter', 'closed', 75.0, 'PO-9414', 'Riverside car park'),
  (9041, 113, 6, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '4 days' + INTERVAL '9 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '4 days' + INTERVAL '3 days' + INTERVAL '10 hours', 'web', 'closed', 250.0, 'PO-4858', 'A52 verge works'),
  (9042, 101, 1, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '5 days' + INTERVAL '16 hours', NULL, 'counter', 'open', 50.0, 'PO-8756', NULL),
  (9043, 105, 4, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '1 days' + INTERVAL '9 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '1 days' + INTERVAL '2 days' + INTERVAL '10 hours', 'counter', 'closed', 200.0, NULL, 'St Marks School'),
  (9044, 106, 1, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 days' + INTERVAL '8 hours', NULL, 'web', 'open', 200.0, NULL, 'Showground Field B'),
  (9045, 104, 3, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '11 hours', NULL, 'phone', 'open', 0.0, 'PO-4628', 'Unit 4 Canal Wharf'),
  (9046, 114, 2, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days' + INTERVAL '9 hours', NULL, 'web', 'open', 200.0, 'PO-1291', 'Unit 4 Canal Wharf'),
  (9047, 109, 6, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '3 days' + INTERVAL '12 hours', NULL, 'phone', 'cancelled', 100.0, 'PO-8241', 'St Marks School'),
  (9048, 108, 4, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days' + INTERVAL '16 hours', NULL, 'counter', 'open', 200.0, 'PO-7052', 'Unit 4 Canal Wharf');

-- contract_lines
INSERT INTO plant_hire.contract_lines (line_id, contract_id, machine_id, out_date, due_back, returned_on, daily_rate, discount_pct, damage_waiver)
VALUES
  (1, 9001, 528, '2023-01-17', '2023-01-20', '2023-01-20', 16.0, 0.0, true),
  (2, 9001, 525, '2023-01-17', '2023-01-20', '2023-01-20', 35.0, 5.0, false),
  (3, 9002, 514, '2023-01-24', '2023-02-07', '2023-02-09', 28.0, 15.0, true),
  (4, 9002, 522, '2023-01-24', '2023-02-07', '2023-02-09', 120.0, 15.0, true),
  (5, 9003, 501, '2023-02-06', '2023-02-10', '2023-02-10', 85.0, 5.0, true),
  (6, 9004, 520, '2023-02-08', '2023-02-12', '2023-02-13', 30.0, 0.0, true),
  (7, 9005, 507, '2023-02-21', '2023-02-25', '2023-02-25', 88.0, 0.0, true),
  (8, 9005, 508, '2023-02-21', '2023-02-25', '2023-02-25', 70.0, 0.0, true),
  (9, 9006, 526, '2023-03-01', '2023-03-11', '2023-03-13', 78.0, 0.0, true),
  (10, 9006, 513, '2023-03-01', '2023-03-11', '2023-03-13', 28.0, 10.0, true),
  (11, 9007, 507, '2023-03-09', '2023-03-16', '2023-03-16', 88.0, 0.0, true),
  (12, 9008, 525, '2023-03-18', '2023-03-25', '2023-03-25', 35.0, 0.0, true),
  (13, 9009, 520, '2023-03-25', '2023-04-08', '2023-04-08', 30.0, 0.0, true),
  (14, 9010, 505, '2023-03-22', '2023-03-26', '2023-03-26', 165.0, 15.0, true),
  (15, 9010, 527, '2023-03-22', '2023-03-26', '2023-03-26', 78.0, 15.0, true),
  (16, 9011, 522, '2023-04-04', '2023-04-14', '2023-04-14', 120.0, 5.0, true),
  (17, 9013, 506, '2023-05-03', '2023-05-17', '2023-05-17', 88.0, 15.0, false),
  (18, 9013, 526, '2023-05-03', '2023-05-17', '2023-05-17', 78.0, 15.0, false),
  (19, 9014, 520, '2023-05-10', '2023-05-13', '2023-05-15', 30.0, 0.0, true),
  (20, 9015, 518, '2023-05-17', '2023-05-31', '2023-06-02', 32.0, 0.0, true),
  (21, 9015, 513, '2023-05-17', '2023-05-31', '2023-06-02', 28.0, 0.0, false),
  (22, 9016, 523, '2023-06-07', '2023-06-21', '2023-06-21', 120.0, 5.0, true),
  (23, 9017, 520, '2023-06-19', '2023-06-21', '2023-06-21', 30.0, 0.0, true),
  (24, 9018, 511, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '5 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '7 days', 110.0, 0.0, true),
  (25, 9018, 516, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '5 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '7 days', 14.0, 10.0, true),
  (26, 9019, 504, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '4 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '4 days' + INTERVAL '14 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '4 days' + INTERVAL '13 days', 165.0, 10.0, true),
  (27, 9020, 526, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '5 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '5 days', 78.0, 5.0, false),
  (28, 9020, 505, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '5 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '5 days', 165.0, 10.0, false),
  (29, 9021, 528, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days' + INTERVAL '14 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days' + INTERVAL '14 days', 16.0, 0.0, true),
  (30, 9022, 516, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '9 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '9 days' + INTERVAL '7 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '9 days' + INTERVAL '7 days', 14.0, 10.0, true),
  (31, 9023, 524, CURRENT_DATE - INTERVAL '104 days', CURRENT_DATE - INTERVAL '104 days' + INTERVAL '4 days', CURRENT_DATE - INTERVAL '104 days' + INTERVAL '6 days', 35.0, 15.0, false),
  (32, 9023, 505, CURRENT_DATE - INTERVAL '104 days', CURRENT_DATE - INTERVAL '104 days' + INTERVAL '4 days', CURRENT_DATE - INTERVAL '104 days' + INTERVAL '6 days', 165.0, 15.0, false),
  (33, 9024, 502, CURRENT_DATE - INTERVAL '93 days', CURRENT_DATE - INTERVAL '93 days' + INTERVAL '14 days', CURRENT_DATE - INTERVAL '93 days' + INTERVAL '14 days', 85.0, 5.0, false),
  (34, 9025, 502, CURRENT_DATE - INTERVAL '81 days', CURRENT_DATE - INTERVAL '81 days' + INTERVAL '7 days', CURRENT_DATE - INTERVAL '81 days' + INTERVAL '7 days', 85.0, 15.0, true),
  (35, 9026, 528, CURRENT_DATE - INTERVAL '66 days', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '10 days', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '9 days', 16.0, 5.0, false),
  (36, 9026, 507, CURRENT_DATE - INTERVAL '66 days', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '10 days', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '9 days', 88.0, 5.0, false),
  (37, 9027, 526, CURRENT_DATE - INTERVAL '59 days', CURRENT_DATE - INTERVAL '59 days' + INTERVAL '4 days', CURRENT_DATE - INTERVAL '59 days' + INTERVAL '3 days', 78.0, 0.0, false),
  (38, 9027, 518, CURRENT_DATE - INTERVAL '59 days', CURRENT_DATE - INTERVAL '59 days' + INTERVAL '4 days', CURRENT_DATE - INTERVAL '59 days' + INTERVAL '3 days', 32.0, 0.0, false),
  (39, 9028, 510, CURRENT_DATE - INTERVAL '52 days', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '7 days', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '6 days', 70.0, 15.0, true),
  (40, 9028, 514, CURRENT_DATE - INTERVAL '52 days', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '7 days', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '6 days', 28.0, 15.0, false),
  (41, 9030, 509, CURRENT_DATE - INTERVAL '41 days', CURRENT_DATE - INTERVAL '41 days' + INTERVAL '10 days', CURRENT_DATE - INTERVAL '41 days' + INTERVAL '10 days', 70.0, 0.0, true),
  (42, 9031, 516, CURRENT_DATE - INTERVAL '37 days', CURRENT_DATE - INTERVAL '37 days' + INTERVAL '14 days', CURRENT_DATE - INTERVAL '37 days' + INTERVAL '14 days', 14.0, 15.0, false),
  (43, 9032, 528, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days' + INTERVAL '4 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days' + INTERVAL '4 days', 16.0, 5.0, true),
  (44, 9033, 511, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days' + INTERVAL '14 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days' + INTERVAL '13 days', 110.0, 0.0, false),
  (45, 9033, 516, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days' + INTERVAL '14 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days' + INTERVAL '13 days', 14.0, 0.0, true),
  (46, 9034, 521, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days' + INTERVAL '4 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days' + INTERVAL '4 days', 30.0, 15.0, true),
  (47, 9036, 520, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '0 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '0 days' + INTERVAL '4 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '0 days' + INTERVAL '3 days', 30.0, 10.0, false),
  (48, 9037, 513, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days' + INTERVAL '7 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days' + INTERVAL '9 days', 28.0, 0.0, false),
  (49, 9039, 502, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days' + INTERVAL '3 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days' + INTERVAL '5 days', 85.0, 15.0, true),
  (50, 9039, 509, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days' + INTERVAL '3 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days' + INTERVAL '5 days', 70.0, 15.0, false),
  (51, 9040, 516, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '2 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '2 days' + INTERVAL '4 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '2 days' + INTERVAL '6 days', 14.0, 10.0, true),
  (52, 9041, 523, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '4 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '4 days' + INTERVAL '2 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '4 days' + INTERVAL '3 days', 120.0, 15.0, true),
  (53, 9042, 516, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '5 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '5 days' + INTERVAL '14 days', NULL, 14.0, 10.0, false),
  (54, 9043, 529, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '1 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '1 days' + INTERVAL '2 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '1 days' + INTERVAL '2 days', 16.0, 0.0, false),
  (55, 9044, 518, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 days' + INTERVAL '5 days', NULL, 32.0, 0.0, true),
  (56, 9045, 504, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '14 days', NULL, 165.0, 15.0, false),
  (57, 9045, 521, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '14 days', NULL, 30.0, 15.0, true),
  (58, 9046, 514, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days' + INTERVAL '2 days', NULL, 28.0, 5.0, true),
  (59, 9048, 511, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days' + INTERVAL '3 days', NULL, 110.0, 0.0, true);

-- payments
INSERT INTO plant_hire.payments (payment_id, contract_id, paid_at, amount, kind, method, status, gateway_ref)
VALUES
  (70001, 9001, '2023-01-20 10:20:00', 147.75, 0, 'bank_transfer', 'cleared', NULL),
  (70002, 9001, '2023-01-17 10:20:00', 100.0, 1, 'bank_transfer', 'cleared', NULL),
  (70003, 9002, '2023-02-09 16:05:00', 2012.8, 0, 'direct_debit', 'cleared', NULL),
  (70004, 9003, '2023-02-10 15:10:00', 323.0, 0, 'direct_debit', 'bounced', NULL),
  (70005, 9004, '2023-02-13 10:10:00', 150.0, 0, 'cash', 'cleared', NULL),
  (70006, 9004, '2023-02-08 14:05:00', 250.0, 1, 'card', 'cleared', 'gw_c0fa07'),
  (70007, 9005, '2023-02-25 15:50:00', 632.0, 0, 'card', 'cleared', 'gw_642873'),
  (70008, 9005, '2023-02-21 12:50:00', 200.0, 1, 'card', 'cleared', 'gw_9d09ae'),
  (70009, 9006, '2023-03-13 09:50:00', 1238.4, 0, 'direct_debit', 'cleared', NULL),
  (70010, 9006, '2023-03-01 16:50:00', 100.0, 1, 'direct_debit', 'cleared', NULL),
  (70011, 9007, '2023-03-16 14:35:00', 616.0, 0, 'card', 'cleared', 'gw_ef7784'),
  (70012, 9007, '2023-03-09 10:10:00', 200.0, 1, 'cash', 'cleared', NULL),
  (70013, 9008, '2023-03-25 09:05:00', 245.0, 0, 'card', 'cleared', 'gw_7fec0a'),
  (70014, 9009, '2023-04-08 16:10:00', 420.0, 0, 'card', 'cleared', 'gw_35b9e7'),
  (70015, 9010, '2023-03-26 11:05:00', 826.2, 0, 'direct_debit', 'cleared', NULL),
  (70016, 9011, '2023-04-14 10:20:00', 1140.0, 0, 'direct_debit', 'cleared', NULL),
  (70017, 9013, '2023-05-17 10:05:00', 1975.4, 0, 'bank_transfer', 'cleared', NULL),
  (70018, 9013, '2023-05-03 15:20:00', 60.0, 1, 'direct_debit', 'cleared', NULL),
  (70019, 9014, '2023-05-15 14:35:00', 150.0, 0, 'card', 'cleared', 'gw_1f7a41'),
  (70020, 9015, '2023-06-02 16:20:00', 960.0, 0, 'bank_transfer', 'cleared', NULL),
  (70021, 9015, '2023-05-17 13:10:00', 250.0, 1, 'direct_debit', 'cleared', NULL),
  (70022, 9016, '2023-06-21 16:05:00', 1596.0, 0, 'direct_debit', 'cleared', NULL),
  (70023, 9016, '2023-06-07 11:35:00', 150.0, 1, 'direct_debit', 'cleared', NULL),
  (70024, 9017, '2023-06-21 15:05:00', 60.0, 0, 'card', 'cleared', 'gw_749fc4'),
  (70025, 9017, '2023-06-19 16:20:00', 50.0, 1, 'card', 'cleared', 'gw_3a4514'),
  (70026, 9018, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '7 days' + INTERVAL '9 hours', 858.2, 0, 'direct_debit', 'cleared', NULL),
  (70027, 9018, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '11 hours', 100.0, 1, 'direct_debit', 'cleared', NULL),
  (70028, 9019, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '4 days' + INTERVAL '13 days' + INTERVAL '15 hours', 1930.5, 0, 'direct_debit', 'cleared', NULL),
  (70029, 9020, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '5 days' + INTERVAL '11 hours', 1113.0, 0, 'direct_debit', 'cleared', NULL),
  (70030, 9020, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '11 hours', 75.0, 1, 'bank_transfer', 'cleared', NULL),
  (70031, 9021, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days' + INTERVAL '14 days' + INTERVAL '12 hours', 224.0, 0, 'card', 'cleared', 'gw_4955ee'),
  (70032, 9021, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days' + INTERVAL '16 hours', 250.0, 1, 'card', 'cleared', 'gw_5275be'),
  (70033, 9022, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '9 days' + INTERVAL '7 days' + INTERVAL '16 hours', 88.2, 0, 'bank_transfer', 'cleared', NULL),
  (70034, 9022, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '9 days' + INTERVAL '13 hours', 120.0, 1, 'bank_transfer', 'cleared', NULL),
  (70035, 9023, CURRENT_DATE - INTERVAL '104 days' + INTERVAL '6 days' + INTERVAL '13 hours', 1020.0, 0, 'direct_debit', 'cleared', NULL),
  (70036, 9023, CURRENT_DATE - INTERVAL '104 days' + INTERVAL '9 hours', 50.0, 1, 'bank_transfer', 'cleared', NULL),
  (70037, 9024, CURRENT_DATE - INTERVAL '93 days' + INTERVAL '14 days' + INTERVAL '15 hours', 1130.5, 0, 'direct_debit', 'cleared', NULL),
  (70038, 9025, CURRENT_DATE - INTERVAL '81 days' + INTERVAL '7 days' + INTERVAL '13 hours', 505.75, 0, 'direct_debit', 'cleared', NULL),
  (70039, 9025, CURRENT_DATE - INTERVAL '81 days' + INTERVAL '9 hours', 80.0, 1, 'direct_debit', 'cleared', NULL),
  (70040, 9026, CURRENT_DATE - INTERVAL '66 days' + INTERVAL '9 days' + INTERVAL '11 hours', 889.2, 0, 'direct_debit', 'cleared', NULL),
  (70041, 9027, CURRENT_DATE - INTERVAL '59 days' + INTERVAL '3 days' + INTERVAL '13 hours', 330.0, 0, 'bank_transfer', 'cleared', NULL),
  (70042, 9027, CURRENT_DATE - INTERVAL '59 days' + INTERVAL '13 hours', 120.0, 1, 'direct_debit', 'cleared', NULL),
  (70043, 9027, CURRENT_DATE - INTERVAL '59 days' + INTERVAL '5 days' + INTERVAL '12 hours', 145.0, 2, 'direct_debit', 'cleared', NULL),
  (70044, 9028, CURRENT_DATE - INTERVAL '52 days' + INTERVAL '6 days' + INTERVAL '14 hours', 499.8, 0, 'bank_transfer', 'cleared', NULL),
  (70045, 9028, CURRENT_DATE - INTERVAL '52 days' + INTERVAL '8 days' + INTERVAL '13 hours', 212.5, 2, 'direct_debit', 'cleared', NULL),
  (70046, 9030, CURRENT_DATE - INTERVAL '41 days' + INTERVAL '10 days' + INTERVAL '14 hours', 700.0, 0, 'card', 'cleared', 'gw_d5e531'),
  (70047, 9031, CURRENT_DATE - INTERVAL '37 days' + INTERVAL '14 days' + INTERVAL '11 hours', 166.6, 0, 'direct_debit', 'cleared', NULL),
  (70048, 9032, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days' + INTERVAL '4 days' + INTERVAL '11 hours', 60.8, 0, 'direct_debit', 'cleared', NULL),
  (70049, 9033, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '5 days' + INTERVAL '13 days' + INTERVAL '16 hours', 1612.0, 0, 'card', 'cleared', 'gw_11cb3e'),
  (70050, 9034, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days' + INTERVAL '4 days' + INTERVAL '11 hours', 102.0, 0, 'bank_transfer', 'cleared', NULL),
  (70051, 9036, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '0 days' + INTERVAL '3 days' + INTERVAL '10 hours', 81.0, 0, 'direct_debit', 'cleared', NULL),
  (70052, 9037, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days' + INTERVAL '9 days' + INTERVAL '14 hours', 252.0, 0, 'card', 'cleared', 'gw_6b1f63'),
  (70053, 9039, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days' + INTERVAL '5 days' + INTERVAL '10 hours', 658.75, 0, 'bank_transfer', 'cleared', NULL),
  (70054, 9040, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '2 days' + INTERVAL '6 days' + INTERVAL '12 hours', 75.6, 0, 'direct_debit', 'cleared', NULL),
  (70055, 9041, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '4 days' + INTERVAL '3 days' + INTERVAL '13 hours', 306.0, 0, 'bank_transfer', 'cleared', NULL),
  (70056, 9042, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '5 days' + INTERVAL '13 hours', 50.0, 1, 'bank_transfer', 'cleared', NULL),
  (70057, 9043, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '1 days' + INTERVAL '2 days' + INTERVAL '16 hours', 32.0, 0, 'card', 'cleared', 'gw_cdb7c6'),
  (70058, 9044, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 days' + INTERVAL '12 hours', 200.0, 1, 'card', 'cleared', 'gw_8838a8'),
  (70059, 9045, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '9 hours', 90.0, 1, 'bank_transfer', 'cleared', NULL),
  (70060, 9046, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days' + INTERVAL '15 hours', 200.0, 1, 'bank_transfer', 'cleared', NULL),
  (70061, 9048, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days' + INTERVAL '12 hours', 200.0, 1, 'bank_transfer', 'cleared', NULL),
  (70062, 9006, CURRENT_DATE - INTERVAL '87 days' + INTERVAL '11 hours', 164.0, 0, 'direct_debit', 'bounced', NULL),
  (70063, 9006, CURRENT_DATE - INTERVAL '80 days' + INTERVAL '11 hours', 164.0, 0, 'direct_debit', 'bounced', NULL),
  (70064, 9033, CURRENT_DATE - INTERVAL '9 days' + INTERVAL '11 hours', 310.0, 0, 'card', 'bounced', NULL),
  (70065, 9015, CURRENT_DATE - INTERVAL '120 days' + INTERVAL '11 hours', 275.0, 0, 'bank_transfer', 'bounced', NULL),
  (70066, 9003, CURRENT_DATE - INTERVAL '5 days' + INTERVAL '11 hours', 92.4, 0, 'bank_transfer', 'pending', NULL),
  (70067, 9021, CURRENT_DATE - INTERVAL '12 days' + INTERVAL '11 hours', 40.0, 1, 'card', 'refunded', NULL),
  (70068, 9001, CURRENT_DATE - INTERVAL '14 days' + INTERVAL '11 hours', 58.0, 0, 'bank_transfer', 'pending', NULL),
  (70069, 9007, CURRENT_DATE - INTERVAL '18 days' + INTERVAL '11 hours', 75.0, 1, 'card', 'refunded', NULL),
  (70070, 9018, CURRENT_DATE - INTERVAL '48 days' + INTERVAL '11 hours', 220.0, 0, 'direct_debit', 'bounced', NULL);

-- inspections
INSERT INTO plant_hire.inspections (inspection_id, machine_id, inspected_at, inspector, result, repair_cost, notes, next_due)
VALUES
  (1, 501, '2023-01-11 08:30:00', 'M. Doyle', 'pass', NULL, 'Annual check, all good', TIMESTAMP '2023-01-11 08:30:00' + INTERVAL '6 months'),
  (2, 502, '2023-01-18 09:00:00', 'M. Doyle', 'advisory', 45.0, 'Slight hydraulic weep on boom ram', TIMESTAMP '2023-01-18 09:00:00' + INTERVAL '6 months'),
  (3, 504, '2023-02-01 10:15:00', 'B. Hartley', 'fail', 820.0, 'Hydraulic hose burst, off road', NULL),
  (4, 504, '2023-02-09 13:40:00', 'S. Iqbal', 'pass', NULL, 'Hose replaced and pressure tested', TIMESTAMP '2023-02-09 13:40:00' + INTERVAL '6 months'),
  (5, 508, '2023-02-15 11:00:00', 'S. Iqbal', 'pass', NULL, NULL, TIMESTAMP '2023-02-15 11:00:00' + INTERVAL '6 months'),
  (6, 511, '2023-03-02 09:45:00', 'B. Hartley', 'fail', 1260.5, 'Outrigger sensor dead', NULL),
  (7, 511, '2023-03-20 14:10:00', 'B. Hartley', 'advisory', 95.0, 'Sensor fitted, HYDRAULIC oil change due', TIMESTAMP '2023-03-20 14:10:00' + INTERVAL '6 months'),
  (8, 513, '2023-03-22 15:30:00', 'B. Hartley', 'pass', NULL, 'PAT test ok', TIMESTAMP '2023-03-22 15:30:00' + INTERVAL '6 months'),
  (9, 514, '2023-04-05 15:45:00', 'S. Iqbal', 'fail', 60.0, 'PAT test failed, plug top cracked', NULL),
  (10, 518, '2023-04-19 10:05:00', 'M. Doyle', 'advisory', 30.0, 'Guard worn', TIMESTAMP '2023-04-19 10:05:00' + INTERVAL '6 months'),
  (11, 522, '2023-05-04 08:50:00', 'S. Iqbal', 'pass', NULL, 'Load bank test ok', TIMESTAMP '2023-05-04 08:50:00' + INTERVAL '6 months'),
  (12, 526, '2023-05-16 12:20:00', 'S. Iqbal', 'advisory', 110.0, 'Drum scraper bent', TIMESTAMP '2023-05-16 12:20:00' + INTERVAL '6 months'),
  (13, 530, '2023-06-08 09:10:00', 'B. Hartley', 'pass', NULL, 'All braces present', TIMESTAMP '2023-06-08 09:10:00' + INTERVAL '6 months'),
  (14, 502, CURRENT_DATE - INTERVAL '160 days' + INTERVAL '10 hours', 'M. Doyle', 'pass', NULL, 'Ram resealed', CURRENT_DATE - INTERVAL '160 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (15, 505, CURRENT_DATE - INTERVAL '151 days' + INTERVAL '10 hours', 'M. Doyle', 'advisory', 240.0, 'Hydraulic coupler stiff', CURRENT_DATE - INTERVAL '151 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (16, 512, CURRENT_DATE - INTERVAL '133 days' + INTERVAL '10 hours', 'M. Doyle', 'pass', NULL, NULL, CURRENT_DATE - INTERVAL '133 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (17, 514, CURRENT_DATE - INTERVAL '125 days' + INTERVAL '10 hours', 'B. Hartley', 'pass', NULL, 'Plug top replaced', CURRENT_DATE - INTERVAL '125 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (18, 501, CURRENT_DATE - INTERVAL '111 days' + INTERVAL '10 hours', 'B. Hartley', 'advisory', 75.0, 'Track tension low', CURRENT_DATE - INTERVAL '111 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (19, 523, CURRENT_DATE - INTERVAL '98 days' + INTERVAL '10 hours', 'S. Iqbal', 'pass', NULL, 'Load bank test ok', CURRENT_DATE - INTERVAL '98 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (20, 509, CURRENT_DATE - INTERVAL '86 days' + INTERVAL '10 hours', 'S. Iqbal', 'fail', 415.0, 'Battery pack will not hold charge', NULL),
  (21, 505, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '1 days' + INTERVAL '9 hours', 'M. Doyle', 'fail', 1890.0, 'Hydraulic pump seized', NULL),
  (22, 509, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '4 days' + INTERVAL '9 hours', 'M. Doyle', 'pass', 130.0, 'New batteries fitted', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '4 days' + INTERVAL '9 hours' + INTERVAL '6 months'),
  (23, 507, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '6 days' + INTERVAL '9 hours', 'B. Hartley', 'pass', NULL, 'Service at 400 h', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '6 days' + INTERVAL '9 hours' + INTERVAL '6 months'),
  (24, 518, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '9 days' + INTERVAL '9 hours', 'M. Doyle', 'fail', 55.0, 'Guard missing, do not hire', NULL),
  (25, 525, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days' + INTERVAL '9 hours', 'B. Hartley', 'pass', NULL, NULL, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days' + INTERVAL '9 hours' + INTERVAL '6 months'),
  (26, 510, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '17 days' + INTERVAL '9 hours', 'S. Iqbal', 'advisory', 20.0, 'Tyre wear', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '17 days' + INTERVAL '9 hours' + INTERVAL '6 months'),
  (27, 503, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '20 days' + INTERVAL '9 hours', 'M. Doyle', 'pass', NULL, 'Annual check, all good', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '20 days' + INTERVAL '9 hours' + INTERVAL '6 months'),
  (28, 511, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '24 days' + INTERVAL '9 hours', 'S. Iqbal', 'fail', 640.0, 'Boom hydraulic cylinder leaking', NULL),
  (29, 506, CURRENT_DATE - INTERVAL '11 days' + INTERVAL '10 hours', 'B. Hartley', 'pass', NULL, 'Tracks tightened, no faults', CURRENT_DATE - INTERVAL '11 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (30, 508, CURRENT_DATE - INTERVAL '6 days' + INTERVAL '10 hours', 'M. Doyle', 'advisory', 65.0, 'Platform gate latch loose', CURRENT_DATE - INTERVAL '6 days' + INTERVAL '10 hours' + INTERVAL '6 months'),
  (31, 513, CURRENT_DATE - INTERVAL '3 days' + INTERVAL '10 hours', 'M. Doyle', 'pass', NULL, 'PAT test ok', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '10 hours' + INTERVAL '6 months');

-- depot_stock_daily
INSERT INTO plant_hire.depot_stock_daily (depot_id, snapshot_date, machines_available, machines_on_hire, machines_workshop, fuel_litres, created_at)
VALUES
  (1, '2023-03-15', 40, 19, 3, 1012.8, '2023-03-15 05:00:00'),
  (2, '2023-03-15', 51, 27, 5, 1542.9, '2023-03-15 05:00:00'),
  (3, '2023-03-15', 28, 22, 3, 779.0, '2023-03-15 05:00:00'),
  (4, '2023-03-15', 43, 28, 4, 1341.6, '2023-03-15 05:00:00'),
  (1, '2023-03-29', 36, 23, 2, 1465.2, '2023-03-29 05:00:00'),
  (2, '2023-03-29', 49, 28, 7, 1086.6, '2023-03-29 05:00:00'),
  (3, '2023-03-29', 25, 16, 1, 671.9, '2023-03-29 05:00:00'),
  (4, '2023-03-29', 46, 22, 4, 1769.7, '2023-03-29 05:00:00'),
  (5, '2023-03-29', 20, 12, 3, 519.3, '2023-03-29 05:00:00'),
  (1, '2023-04-12', 40, 20, 4, 776.8, '2023-04-12 05:00:00'),
  (2, '2023-04-12', 48, 25, 4, 1208.6, '2023-04-12 05:00:00'),
  (4, '2023-04-12', 47, 26, 5, 1445.6, '2023-04-12 05:00:00'),
  (1, CURRENT_DATE - INTERVAL '9 days', 45, 24, 4, 763.0, CURRENT_DATE - INTERVAL '9 days'),
  (1, CURRENT_DATE - INTERVAL '5 days', 43, 26, 5, 1212.0, CURRENT_DATE - INTERVAL '5 days'),
  (1, CURRENT_DATE - INTERVAL '2 days', 35, 26, 3, 867.4, CURRENT_DATE - INTERVAL '2 days'),
  (1, CURRENT_DATE, 35, 24, 3, 1046.1, CURRENT_DATE),
  (2, CURRENT_DATE - INTERVAL '9 days', 53, 34, 6, 1851.3, CURRENT_DATE - INTERVAL '9 days'),
  (2, CURRENT_DATE - INTERVAL '5 days', 50, 26, 6, 1152.2, CURRENT_DATE - INTERVAL '5 days'),
  (2, CURRENT_DATE - INTERVAL '1 day', 57, 26, 6, 1743.8, CURRENT_DATE - INTERVAL '1 day'),
  (2, CURRENT_DATE, 50, 31, 4, 2203.8, CURRENT_DATE),
  (3, CURRENT_DATE - INTERVAL '9 days', 32, 21, 4, 612.6, CURRENT_DATE - INTERVAL '9 days'),
  (3, CURRENT_DATE - INTERVAL '6 days', 23, 22, 3, NULL, CURRENT_DATE - INTERVAL '6 days'),
  (3, CURRENT_DATE - INTERVAL '2 days', 33, 15, 1, 511.5, CURRENT_DATE - INTERVAL '2 days'),
  (3, CURRENT_DATE, 34, 16, 3, 868.5, CURRENT_DATE),
  (4, CURRENT_DATE - INTERVAL '8 days', 41, 21, 6, 1632.7, CURRENT_DATE - INTERVAL '8 days'),
  (4, CURRENT_DATE - INTERVAL '5 days', 42, 31, 5, 1776.8, CURRENT_DATE - INTERVAL '5 days'),
  (4, CURRENT_DATE - INTERVAL '3 days', 49, 21, 6, 1596.9, CURRENT_DATE - INTERVAL '3 days'),
  (5, CURRENT_DATE - INTERVAL '9 days', 21, 13, 3, 476.4, CURRENT_DATE - INTERVAL '9 days'),
  (5, CURRENT_DATE - INTERVAL '4 days', 12, 5, 4, 458.8, CURRENT_DATE - INTERVAL '4 days'),
  (6, CURRENT_DATE - INTERVAL '7 days', 19, 8, 3, 711.0, CURRENT_DATE - INTERVAL '7 days'),
  (6, CURRENT_DATE - INTERVAL '3 days', 20, 6, 0, 366.6, CURRENT_DATE - INTERVAL '3 days'),
  (6, CURRENT_DATE, 18, 11, 0, 575.8, CURRENT_DATE);
