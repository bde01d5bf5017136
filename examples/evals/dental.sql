-- A dental laboratory: clinics and their orders, work pieces, technicians, materials, remakes, dispatches, invoices, receipts.
-- In three schemas: lab, shipping and finance, with foreign keys across them. Regions are two letters, states of orders are numbers.
-- Dates are relative to the day of loading, except most clinics and technicians, and what is of 2024.
SET TIME ZONE 'UTC';

CREATE SCHEMA IF NOT EXISTS lab;
CREATE SCHEMA IF NOT EXISTS shipping;
CREATE SCHEMA IF NOT EXISTS finance;

-- Dimension tables

CREATE TABLE lab.clinics (
  clinic_no INT PRIMARY KEY,
  clinic_name VARCHAR(100) NOT NULL,
  town VARCHAR(60),
  region VARCHAR(2) NOT NULL, -- NO = north, SO = south, EA = east, WE = west
  contact_mail VARCHAR(120) NOT NULL,
  account_opened_on DATE NOT NULL,
  tier VARCHAR(20) NOT NULL, -- possible values: standard, preferred, key
  payment_days INT NOT NULL, -- agreed days until an invoice is payable
  is_blocked BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE lab.technicians (
  tech_no INT PRIMARY KEY,
  full_name VARCHAR(100) NOT NULL,
  bench VARCHAR(20) NOT NULL, -- possible values: ceramics, metal, digital, removable
  hired_on DATE NOT NULL,
  left_on DATE, -- NULL if still employed
  hourly_cost DECIMAL(8,2) NOT NULL
);

CREATE TABLE lab.materials (
  mat_code VARCHAR(12) PRIMARY KEY,
  mat_label VARCHAR(100) NOT NULL,
  mat_family VARCHAR(40) NOT NULL, -- possible values: zirconia, glass ceramic, metal alloy, polymer, titanium
  unit_cost DECIMAL(8,2) NOT NULL,
  supplier VARCHAR(80)
);

CREATE TABLE shipping.couriers (
  courier_code VARCHAR(6) PRIMARY KEY,
  courier_name VARCHAR(80) NOT NULL,
  service_level VARCHAR(20) NOT NULL, -- possible values: economy, standard, express
  base_fee DECIMAL(8,2) NOT NULL
);

-- Fact tables

CREATE TABLE lab.case_orders (
  order_no INT PRIMARY KEY,
  clinic_no INT NOT NULL REFERENCES lab.clinics(clinic_no),
  patient_ref VARCHAR(20) NOT NULL, -- pseudonym used by the clinic
  intake_channel VARCHAR(20) NOT NULL, -- possible values: portal, scan_upload, impression_box, phone
  placed_at TIMESTAMP NOT NULL,
  due_on DATE NOT NULL,
  shipped_at TIMESTAMP, -- NULL if not shipped
  order_state SMALLINT NOT NULL, -- 0 = received, 1 = in production, 2 = shipped, 3 = cancelled
  is_rush BOOLEAN NOT NULL
);

CREATE TABLE lab.work_pieces (
  piece_no INT PRIMARY KEY,
  order_no INT NOT NULL REFERENCES lab.case_orders(order_no),
  piece_kind VARCHAR(30) NOT NULL, -- possible values: crown, bridge, veneer, denture, abutment, night guard
  tooth_code VARCHAR(10), -- FDI notation, NULL for full arch work
  mat_code VARCHAR(12) NOT NULL REFERENCES lab.materials(mat_code),
  tech_no INT REFERENCES lab.technicians(tech_no), -- NULL if not yet assigned
  shade VARCHAR(4), -- VITA shade
  list_price DECIMAL(10,2) NOT NULL,
  started_at TIMESTAMP,
  finished_at TIMESTAMP,
  qc_result VARCHAR(10) -- possible values: pass, rework, scrap. NULL if not yet checked
);

CREATE TABLE lab.remakes (
  remake_no INT PRIMARY KEY,
  piece_no INT NOT NULL REFERENCES lab.work_pieces(piece_no),
  reported_on DATE NOT NULL,
  reason_code VARCHAR(10) NOT NULL, -- possible values: FIT, SHADE, FRACTURE, MARGIN
  liable_party VARCHAR(10) NOT NULL, -- possible values: lab, clinic
  remake_cost DECIMAL(10,2) NOT NULL,
  resolved_on DATE -- NULL if still open
);

CREATE TABLE shipping.dispatches (
  dispatch_no INT PRIMARY KEY,
  order_no INT NOT NULL REFERENCES lab.case_orders(order_no),
  courier_code VARCHAR(6) NOT NULL REFERENCES shipping.couriers(courier_code),
  picked_up_at TIMESTAMP NOT NULL,
  handed_over_at TIMESTAMP, -- NULL if not handed over to the clinic
  fee DECIMAL(8,2) NOT NULL,
  outcome VARCHAR(12) NOT NULL -- possible values: delivered, returned, lost, underway
);

CREATE TABLE finance.invoices (
  inv_no VARCHAR(12) PRIMARY KEY,
  order_no INT NOT NULL REFERENCES lab.case_orders(order_no),
  issued_on DATE NOT NULL,
  payable_by DATE NOT NULL,
  net_total DECIMAL(10,2) NOT NULL,
  vat_total DECIMAL(10,2) NOT NULL,
  inv_state VARCHAR(10) NOT NULL, -- possible values: open, paid, overdue, credited
  paid_on DATE -- NULL if not fully paid
);

CREATE TABLE finance.receipts (
  receipt_no INT PRIMARY KEY,
  inv_no VARCHAR(12) NOT NULL REFERENCES finance.invoices(inv_no),
  received_on DATE NOT NULL,
  sum_received DECIMAL(10,2) NOT NULL,
  pay_method VARCHAR(20) NOT NULL -- possible values: transfer, direct debit, card, cheque
);

-- clinics
INSERT INTO lab.clinics (clinic_no, clinic_name, town, region, contact_mail, account_opened_on, tier, payment_days, is_blocked) VALUES
(101, 'Lindqvist Dental Care', 'Halvorsund', 'NO', 'frontdesk@lindqvist-dental.org', '2021-02-08', 'key', 30, false),
(102, 'Bright SMILE Studio', 'Port Averley', 'SO', 'orders@brightsmile.net', '2022-05-16', 'preferred', 30, false),
(103, 'Okafor & Partners', 'Wexmoor', 'EA', 'office@okafor-partners.com', '2020-11-03', 'key', 45, false),
(104, 'Harbour Street Dentistry', 'Port Averley', 'SO', 'admin@harbourstreet.org', '2023-01-23', 'standard', 14, false),
(105, 'Orthovia Clinic', 'Kestrel Bay', 'WE', 'lab@orthovia.com', '2022-09-12', 'preferred', 30, false),
(106, 'Smile Makers Wexmoor', 'Wexmoor', 'EA', 'hello@smilemakers.net', '2023-10-02', 'standard', 14, false),
(107, 'Dr. Petra Vance', 'Tolland', 'NO', 'vance@petravance.com', '2023-06-19', 'standard', 14, true),
(108, 'Riverside Implant Centre', 'Kestrel Bay', 'WE', 'implants@riverside-ic.org', '2021-08-30', 'key', 45, false),
(109, 'Northgate Family Dental', 'Halvorsund', 'NO', 'team@northgate-family.com', '2024-02-05', 'standard', 14, false),
(110, 'Little Smiles Paediatrics', 'Tolland', 'NO', 'care@littlesmiles.org', '2024-01-15', 'standard', 30, false),
(111, 'Castellane Prosthodontics', 'Sarnby', 'SO', 'dr.castellane@castellane.com', '2024-03-04', 'preferred', 30, false),
(112, 'Marsh Lane Dental', 'Sarnby', 'SO', 'marshlane@marshlane.net', '2023-11-27', 'standard', 14, false),
(116, 'Whitcombe Orthodontics', 'Port Averley', 'SO', 'info@whitcombe.net', '2024-05-20', 'preferred', 30, false),
(113, 'Ferris Dental Group', 'Wexmoor', 'EA', 'purchasing@ferrisgroup.com', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '6 days', 'preferred', 30, false),
(114, 'Upper Quay Dentists', 'Kestrel Bay', 'WE', 'reception@upperquay.org', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '2 days', 'standard', 14, false),
(115, 'Tolland Hospital Dental Unit', 'Tolland', 'NO', 'dental@tollandhospital.org', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '4 days', 'key', 60, false);

-- technicians
INSERT INTO lab.technicians (tech_no, full_name, bench, hired_on, left_on, hourly_cost) VALUES
(1, 'Agnes Moreau', 'ceramics', '2015-04-01', NULL, 34.50),
(2, 'Tomasz Zielinski', 'metal', '2012-09-17', NULL, 31.00),
(3, 'Ravi Subramanian', 'digital', '2019-01-14', NULL, 36.25),
(4, 'Ingrid Halloran', 'removable', '2017-06-06', NULL, 29.75),
(5, 'Callum Reyes', 'ceramics', '2021-03-22', NULL, 28.40),
(6, 'Mei Watanabe', 'digital', '2022-08-01', NULL, 30.10),
(7, 'Bertrand Klaas', 'metal', '2008-02-11', '2024-05-31', 33.90),
(8, 'Dunja Petrovic', 'removable', '2023-02-20', NULL, 25.60),
(9, 'Oskar Lindholm', 'ceramics', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '3 days', NULL, 24.00);

-- materials
INSERT INTO lab.materials (mat_code, mat_label, mat_family, unit_cost, supplier) VALUES
('ZR-HT', 'High translucent zirconia disc', 'zirconia', 42.00, 'Dentacore'),
('ZR-ML', 'Multilayer Zirconia disc', 'zirconia', 55.50, 'Dentacore'),
('LD-PR', 'Lithium disilicate press ingot', 'glass ceramic', 18.90, 'Vitrolux'),
('FS-PW', 'Feldspathic powder', 'glass ceramic', 9.75, 'Vitrolux'),
('CC-M1', 'Cobalt chrome milling disc', 'metal alloy', 37.20, 'Metalloy Supply'),
('AU-58', 'Gold alloy 58', 'metal alloy', 212.00, 'Metalloy Supply'),
('PM-AC', 'PMMA acrylic pink', 'polymer', 11.40, 'Resinova'),
('PK-01', 'PEEK blank', 'polymer', 48.00, 'Resinova'),
('TI-G5', 'Titanium grade 5 blank', 'titanium', 61.30, 'Metalloy Supply'),
('RS-3D', 'Splint printing resin', 'polymer', 14.20, 'Resinova');

-- couriers
INSERT INTO shipping.couriers (courier_code, courier_name, service_level, base_fee) VALUES
('SWF', 'Swiftbox', 'express', 14.50),
('TRN', 'Translink Parcel', 'standard', 8.90),
('CYC', 'Citycycle Messengers', 'express', 11.20),
('BLU', 'Blue Heron Freight', 'economy', 5.60),
('MED', 'Medicarry', 'standard', 10.40);

-- case_orders
INSERT INTO lab.case_orders (order_no, clinic_no, patient_ref, intake_channel, placed_at, due_on, shipped_at, order_state, is_rush) VALUES
(5001, 101, 'PT-6869', 'phone', '2024-01-08 13:10:00', '2024-01-13', '2024-01-17 14:00:00', 2, true),
(5002, 103, 'PT-1075', 'phone', '2024-01-10 08:10:00', '2024-01-18', '2024-01-17 14:30:00', 2, false),
(5003, 102, 'PT-6648', 'scan_upload', '2024-01-17 10:45:00', '2024-01-26', '2024-01-26 16:40:00', 2, false),
(5004, 110, 'PT-5759', 'scan_upload', '2024-01-22 13:50:00', '2024-02-01', '2024-02-01 17:50:00', 2, false),
(5005, 105, 'PT-5927', 'impression_box', '2024-01-25 13:00:00', '2024-02-02', '2024-02-02 14:30:00', 2, false),
(5006, 108, 'PT-7420', 'portal', '2024-01-30 15:10:00', '2024-02-04', '2024-02-08 17:10:00', 2, true),
(5007, 110, 'PT-9144', 'scan_upload', '2024-01-29 12:35:00', '2024-02-08', '2024-02-07 14:30:00', 2, false),
(5008, 101, 'PT-9341', 'phone', '2024-02-05 09:30:00', '2024-02-13', '2024-02-17 16:10:00', 2, false),
(5009, 104, 'PT-8344', 'portal', '2024-02-07 09:45:00', '2024-02-17', '2024-02-17 16:50:00', 2, false),
(5010, 109, 'PT-5943', 'scan_upload', '2024-02-12 09:45:00', '2024-02-22', '2024-02-21 15:50:00', 2, false),
(5011, 103, 'PT-1936', 'scan_upload', '2024-02-15 09:00:00', '2024-02-23', '2024-02-25 15:40:00', 2, false),
(5012, 106, 'PT-5258', 'portal', '2024-02-19 11:20:00', '2024-02-27', '2024-03-02 15:50:00', 2, false),
(5013, 108, 'PT-5234', 'scan_upload', '2024-02-23 10:05:00', '2024-03-02', NULL, 3, false),
(5014, 102, 'PT-4356', 'portal', '2024-02-28 12:40:00', '2024-03-08', '2024-03-10 16:40:00', 2, false),
(5015, 109, 'PT-8914', 'phone', '2024-02-26 09:25:00', '2024-03-07', '2024-03-07 16:00:00', 2, false),
(5016, 111, 'PT-7246', 'phone', '2024-03-06 15:35:00', '2024-03-14', '2024-03-13 17:30:00', 2, false),
(5017, 101, 'PT-1828', 'scan_upload', '2024-03-07 11:05:00', '2024-03-12', '2024-03-11 16:40:00', 2, true),
(5018, 105, 'PT-6656', 'portal', '2024-03-08 13:45:00', '2024-03-18', '2024-03-22 16:00:00', 2, false),
(5019, 111, 'PT-9196', 'portal', '2024-03-11 10:05:00', '2024-03-20', '2024-03-19 15:40:00', 2, false),
(5020, 103, 'PT-1059', 'portal', '2024-03-12 15:55:00', '2024-03-17', '2024-03-17 15:30:00', 2, true),
(5021, 111, 'PT-5530', 'impression_box', '2024-03-20 08:50:00', '2024-03-28', '2024-03-27 15:00:00', 2, false),
(5022, 107, 'PT-5662', 'portal', '2024-03-22 10:45:00', '2024-03-30', '2024-03-29 16:00:00', 2, false),
(5023, 108, 'PT-3246', 'portal', '2024-04-02 12:35:00', '2024-04-12', '2024-04-12 16:10:00', 2, false),
(5024, 104, 'PT-9601', 'portal', '2024-04-09 13:20:00', '2024-04-18', '2024-04-17 16:50:00', 2, false),
(5025, 102, 'PT-2245', 'portal', '2024-04-15 14:15:00', '2024-04-24', '2024-04-25 17:40:00', 2, false),
(5026, 101, 'PT-1717', 'scan_upload', '2024-04-18 10:05:00', '2024-04-26', '2024-04-25 14:00:00', 2, false),
(5027, 110, 'PT-6186', 'portal', '2024-04-24 09:45:00', '2024-05-02', NULL, 3, false),
(5028, 103, 'PT-4786', 'portal', '2024-05-03 16:15:00', '2024-05-11', '2024-05-10 14:30:00', 2, false),
(5029, 105, 'PT-2543', 'portal', '2024-05-14 12:45:00', '2024-05-23', '2024-05-22 15:00:00', 2, false),
(5030, 109, 'PT-5768', 'impression_box', '2024-05-22 09:00:00', '2024-06-01', '2024-05-30 17:20:00', 2, false),
(5031, 108, 'PT-7050', 'phone', '2024-06-04 16:20:00', '2024-06-12', '2024-06-13 17:00:00', 2, false),
(5032, 106, 'PT-2694', 'impression_box', '2024-06-11 08:50:00', '2024-06-19', '2024-06-17 15:40:00', 2, false),
(5033, 113, 'PT-6795', 'portal', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '9 days' + INTERVAL '16 hours 20 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '17 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '17 days' + INTERVAL '14 hours 20 minutes', 2, false),
(5034, 113, 'PT-6090', 'portal', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '17 days' + INTERVAL '11 hours 30 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '22 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '20 days' + INTERVAL '16 hours 30 minutes', 2, true),
(5035, 101, 'PT-5143', 'scan_upload', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '12 days' + INTERVAL '11 hours 25 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '22 days' + INTERVAL '14 hours 40 minutes', 2, false),
(5036, 114, 'PT-2696', 'scan_upload', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '5 days' + INTERVAL '12 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '14 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '14 days' + INTERVAL '15 hours 40 minutes', 2, false),
(5037, 103, 'PT-7264', 'scan_upload', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '14 days' + INTERVAL '10 hours 10 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '19 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '20 days' + INTERVAL '16 hours', 2, true),
(5038, 108, 'PT-2702', 'scan_upload', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '20 days' + INTERVAL '8 hours 50 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '29 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '29 days' + INTERVAL '14 hours', 2, false),
(5039, 102, 'PT-2961', 'portal', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '3 days' + INTERVAL '11 hours 5 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '13 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '11 days' + INTERVAL '16 hours 10 minutes', 2, false),
(5040, 105, 'PT-6228', 'impression_box', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '11 days' + INTERVAL '8 hours 35 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '16 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '18 days' + INTERVAL '17 hours 50 minutes', 2, true),
(5041, 101, 'PT-6755', 'scan_upload', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '18 days' + INTERVAL '12 hours 15 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '23 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '22 days' + INTERVAL '14 hours', 2, true),
(5042, 113, 'PT-8813', 'scan_upload', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '22 days' + INTERVAL '12 hours 5 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '27 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '26 days' + INTERVAL '16 hours 20 minutes', 2, true),
(5043, 115, 'PT-7867', 'portal', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '6 days' + INTERVAL '13 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '14 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '16 days' + INTERVAL '17 hours 20 minutes', 2, false),
(5044, 104, 'PT-4964', 'impression_box', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '8 days' + INTERVAL '9 hours 30 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days' + INTERVAL '16 hours 10 minutes', 2, true),
(5045, 103, 'PT-8209', 'portal', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '10 days' + INTERVAL '14 hours 10 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '18 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '18 days' + INTERVAL '15 hours 20 minutes', 2, false),
(5046, 108, 'PT-8701', 'scan_upload', CURRENT_DATE - INTERVAL '24 days' + INTERVAL '13 hours 40 minutes', CURRENT_DATE - INTERVAL '15 days', CURRENT_DATE - INTERVAL '16 days' + INTERVAL '17 hours 20 minutes', 2, false),
(5047, 101, 'PT-8371', 'scan_upload', CURRENT_DATE - INTERVAL '19 days' + INTERVAL '12 hours 35 minutes', CURRENT_DATE - INTERVAL '10 days', CURRENT_DATE - INTERVAL '12 days' + INTERVAL '14 hours 20 minutes', 2, false),
(5048, 102, 'PT-5577', 'scan_upload', CURRENT_DATE - INTERVAL '13 days' + INTERVAL '8 hours 40 minutes', CURRENT_DATE - INTERVAL '4 days', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '17 hours', 2, false),
(5049, 101, 'PT-8323', 'portal', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '8 hours 15 minutes', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '9 days', NULL, 0, false),
(5050, 107, 'PT-9377', 'phone', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '12 hours 50 minutes', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '12 days', NULL, 0, false),
(5051, 103, 'PT-9917', 'portal', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '3 days' + INTERVAL '9 hours 10 minutes', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '12 days', NULL, 1, false),
(5052, 109, 'PT-2811', 'portal', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '4 days' + INTERVAL '16 hours 50 minutes', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '14 days', NULL, 3, false),
(5053, 115, 'PT-8486', 'portal', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 day' + INTERVAL '11 hours 45 minutes', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days', NULL, 1, true),
(5054, 105, 'PT-9915', 'scan_upload', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '8 hours 30 minutes', CURRENT_DATE + INTERVAL '3 days', NULL, 1, true),
(5055, 104, 'PT-6390', 'scan_upload', CURRENT_DATE - INTERVAL '1 days' + INTERVAL '12 hours 30 minutes', CURRENT_DATE + INTERVAL '4 days', NULL, 1, true);

-- work_pieces
INSERT INTO lab.work_pieces (piece_no, order_no, piece_kind, tooth_code, mat_code, tech_no, shade, list_price, started_at, finished_at, qc_result) VALUES
(7000, 5001, 'bridge', '44-46', 'ZR-ML', 7, 'C2', 422.00, '2024-01-09 09:15:00', '2024-01-15 13:15:00', 'pass'),
(7001, 5002, 'crown', '12', 'ZR-HT', 3, 'A2', 160.00, '2024-01-12 09:00:00', '2024-01-15 13:45:00', 'rework'),
(7002, 5003, 'veneer', '31', 'FS-PW', 5, 'A1', 170.40, '2024-01-18 11:30:00', '2024-01-24 15:00:00', 'pass'),
(7003, 5003, 'night guard', NULL, 'RS-3D', 8, NULL, 89.80, '2024-01-18 09:30:00', '2024-01-25 16:45:00', 'pass'),
(7004, 5004, 'veneer', '12', 'LD-PR', 1, 'B1', 179.20, '2024-01-24 09:45:00', '2024-01-30 13:45:00', 'pass'),
(7005, 5005, 'bridge', '34-36', 'ZR-HT', 7, 'B1', 373.50, '2024-01-27 11:30:00', '2024-02-01 15:30:00', 'scrap'),
(7006, 5005, 'crown', '11', 'ZR-HT', 3, 'C2', 140.60, '2024-01-27 10:30:00', '2024-02-01 15:15:00', 'pass'),
(7007, 5006, 'night guard', NULL, 'PM-AC', 4, NULL, 100.10, '2024-01-31 11:15:00', '2024-02-07 13:30:00', 'pass'),
(7008, 5007, 'veneer', '12', 'LD-PR', 5, 'A2', 200.60, '2024-01-30 10:15:00', '2024-02-06 16:30:00', 'pass'),
(7009, 5007, 'veneer', '44', 'FS-PW', 1, 'C2', 179.50, '2024-01-31 09:30:00', '2024-02-05 16:00:00', 'rework'),
(7010, 5008, 'crown', '21', 'LD-PR', 5, 'A3', 169.80, '2024-02-07 08:45:00', '2024-02-16 14:15:00', 'pass'),
(7011, 5008, 'night guard', NULL, 'RS-3D', 8, NULL, 104.00, '2024-02-06 11:15:00', '2024-02-16 13:45:00', 'rework'),
(7012, 5008, 'bridge', '14-16', 'ZR-HT', 7, 'A1', 397.75, '2024-02-06 08:00:00', '2024-02-16 15:30:00', 'rework'),
(7013, 5009, 'crown', '21', 'LD-PR', 5, 'B1', 167.40, '2024-02-08 09:30:00', '2024-02-16 13:45:00', 'pass'),
(7014, 5009, 'abutment', '13', 'TI-G5', 7, NULL, 225.50, '2024-02-08 11:30:00', '2024-02-15 13:30:00', 'pass'),
(7015, 5010, 'crown', '22', 'ZR-HT', 5, 'A2', 174.80, '2024-02-13 11:00:00', '2024-02-20 14:00:00', 'pass'),
(7016, 5011, 'crown', '22', 'LD-PR', 5, 'C2', 144.10, '2024-02-17 09:00:00', '2024-02-23 14:30:00', 'pass'),
(7017, 5011, 'abutment', '26', 'TI-G5', 2, NULL, 188.00, '2024-02-16 11:45:00', '2024-02-23 14:00:00', 'pass'),
(7018, 5011, 'crown', '13', 'LD-PR', 3, 'C2', 133.20, '2024-02-17 10:30:00', '2024-02-24 16:15:00', 'rework'),
(7019, 5012, 'denture', NULL, 'PM-AC', 8, NULL, 475.00, '2024-02-20 08:30:00', '2024-03-01 15:30:00', 'rework'),
(7020, 5012, 'denture', NULL, 'PM-AC', 4, NULL, 575.50, '2024-02-21 09:30:00', '2024-02-29 14:30:00', 'rework'),
(7021, 5013, 'crown', '31', 'ZR-HT', NULL, 'C2', 167.40, NULL, NULL, NULL),
(7022, 5014, 'crown', '14', 'LD-PR', 3, 'A1', 136.70, '2024-02-29 09:45:00', '2024-03-09 16:00:00', 'pass'),
(7023, 5014, 'crown', '14', 'LD-PR', 5, 'A2', 145.20, '2024-03-01 09:15:00', '2024-03-09 15:00:00', 'pass'),
(7024, 5014, 'bridge', '34-36', 'CC-M1', 7, 'A1', 468.50, '2024-02-29 08:45:00', '2024-03-09 13:15:00', 'pass'),
(7025, 5015, 'abutment', '13', 'TI-G5', 6, NULL, 232.50, '2024-02-28 11:00:00', '2024-03-06 16:00:00', 'pass'),
(7026, 5016, 'bridge', '44-46', 'ZR-ML', 7, 'A1', 439.25, '2024-03-08 11:30:00', '2024-03-12 16:30:00', 'pass'),
(7027, 5016, 'night guard', NULL, 'RS-3D', 8, NULL, 90.90, '2024-03-08 09:15:00', '2024-03-11 13:45:00', 'rework'),
(7028, 5016, 'denture', NULL, 'CC-M1', 4, NULL, 475.00, '2024-03-08 09:15:00', '2024-03-12 15:15:00', 'rework'),
(7029, 5017, 'crown', '22', 'ZR-ML', 6, 'A1', 158.90, '2024-03-08 08:45:00', '2024-03-09 16:00:00', 'pass'),
(7030, 5017, 'denture', NULL, 'CC-M1', 8, NULL, 546.00, '2024-03-08 09:45:00', '2024-03-10 13:30:00', 'pass'),
(7031, 5018, 'crown', '26', 'ZR-HT', 3, 'A2', 160.00, '2024-03-09 10:45:00', '2024-03-14 16:00:00', 'rework'),
(7032, 5018, 'abutment', '22', 'TI-G5', 3, NULL, 237.50, '2024-03-10 08:45:00', '2024-03-14 14:45:00', 'pass'),
(7033, 5018, 'bridge', '44-46', 'ZR-ML', 3, 'A3', 422.00, '2024-03-10 10:00:00', '2024-03-14 14:45:00', 'pass'),
(7034, 5019, 'night guard', NULL, 'PM-AC', 4, NULL, 95.50, '2024-03-13 10:45:00', '2024-03-14 13:45:00', 'pass'),
(7035, 5019, 'veneer', '31', 'FS-PW', 5, 'A1', 179.50, '2024-03-12 10:45:00', '2024-03-14 15:00:00', 'pass'),
(7036, 5019, 'crown', '34', 'LD-PR', 5, 'A3', 147.60, '2024-03-12 09:00:00', '2024-03-14 16:30:00', 'pass'),
(7037, 5020, 'bridge', '24-26', 'ZR-ML', 2, 'A3', 397.75, '2024-03-13 11:15:00', '2024-03-14 14:30:00', 'pass'),
(7038, 5020, 'bridge', '24-26', 'ZR-ML', 3, 'A1', 460.00, '2024-03-14 09:00:00', '2024-03-14 13:15:00', 'rework'),
(7039, 5021, 'abutment', '14', 'TI-G5', 6, NULL, 206.75, '2024-03-21 08:15:00', '2024-03-25 13:00:00', 'rework'),
(7040, 5022, 'crown', '41', 'ZR-ML', 1, 'B1', 158.90, '2024-03-24 08:15:00', '2024-03-27 13:15:00', 'rework'),
(7041, 5022, 'veneer', '14', 'LD-PR', 5, 'A3', 183.00, '2024-03-24 09:45:00', '2024-03-27 15:15:00', 'pass'),
(7042, 5023, 'night guard', NULL, 'RS-3D', 8, NULL, 104.00, '2024-04-03 09:00:00', '2024-04-10 13:15:00', 'pass'),
(7043, 5023, 'night guard', NULL, 'PM-AC', 4, NULL, 108.20, '2024-04-03 08:30:00', '2024-04-11 13:30:00', 'pass'),
(7044, 5024, 'night guard', NULL, 'PM-AC', 4, NULL, 103.60, '2024-04-11 09:45:00', '2024-04-15 16:00:00', 'pass'),
(7045, 5025, 'denture', NULL, 'CC-M1', 8, NULL, 497.50, '2024-04-16 09:15:00', '2024-04-24 13:45:00', 'pass'),
(7046, 5025, 'veneer', '31', 'FS-PW', 5, 'A2', 197.10, '2024-04-17 10:00:00', '2024-04-24 15:15:00', 'pass'),
(7047, 5026, 'night guard', NULL, 'PM-AC', 8, NULL, 92.00, '2024-04-20 11:15:00', '2024-04-23 16:15:00', 'pass'),
(7048, 5027, 'bridge', '44-46', 'CC-M1', NULL, 'B1', 415.00, NULL, NULL, NULL),
(7049, 5028, 'night guard', NULL, 'PM-AC', 4, NULL, 103.60, '2024-05-05 11:30:00', '2024-05-09 13:15:00', 'pass'),
(7050, 5029, 'crown', '26', 'ZR-HT', 6, 'A2', 136.70, '2024-05-15 08:00:00', '2024-05-21 14:15:00', 'pass'),
(7051, 5029, 'veneer', '44', 'LD-PR', 1, 'A3', 205.60, '2024-05-16 10:15:00', '2024-05-20 15:45:00', 'pass'),
(7052, 5030, 'night guard', NULL, 'RS-3D', 8, NULL, 94.80, '2024-05-23 10:45:00', '2024-05-29 15:45:00', 'pass'),
(7053, 5030, 'abutment', '12', 'TI-G5', 3, NULL, 196.50, '2024-05-24 08:45:00', '2024-05-29 16:15:00', 'pass'),
(7054, 5031, 'abutment', '44', 'TI-G5', 3, NULL, 232.50, '2024-06-06 10:30:00', '2024-06-12 16:30:00', 'pass'),
(7055, 5032, 'veneer', '34', 'LD-PR', 1, 'A3', 161.90, '2024-06-13 09:00:00', '2024-06-16 13:30:00', 'pass'),
(7056, 5032, 'crown', '14', 'ZR-ML', 3, 'B1', 162.80, '2024-06-13 10:30:00', '2024-06-16 14:45:00', 'pass'),
(7057, 5033, 'abutment', '46', 'TI-G5', 2, NULL, 196.50, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '10 days' + INTERVAL '11 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '13 hours', 'rework'),
(7058, 5033, 'night guard', NULL, 'PM-AC', 4, NULL, 90.90, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '10 days' + INTERVAL '11 hours 15 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '16 days' + INTERVAL '13 hours 30 minutes', 'pass'),
(7059, 5034, 'crown', '36', 'LD-PR', 3, 'C2', 158.90, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '18 days' + INTERVAL '10 hours 15 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '19 days' + INTERVAL '16 hours 30 minutes', 'pass'),
(7060, 5034, 'veneer', '34', 'LD-PR', 1, 'B1', 188.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '19 days' + INTERVAL '10 hours 30 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '19 days' + INTERVAL '13 hours 30 minutes', 'rework'),
(7061, 5034, 'crown', '31', 'LD-PR', 6, 'C2', 169.80, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '19 days' + INTERVAL '9 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '19 days' + INTERVAL '16 hours 45 minutes', 'rework'),
(7062, 5035, 'denture', NULL, 'PM-AC', 8, NULL, 527.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '13 days' + INTERVAL '8 hours 15 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '20 days' + INTERVAL '14 hours 45 minutes', 'scrap'),
(7063, 5035, 'abutment', '14', 'TI-G5', 3, NULL, 222.25, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '13 days' + INTERVAL '11 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '20 days' + INTERVAL '16 hours 45 minutes', 'pass'),
(7064, 5036, 'crown', '34', 'ZR-ML', 1, 'B1', 162.40, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '6 days' + INTERVAL '9 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '13 days' + INTERVAL '13 hours 30 minutes', 'pass'),
(7065, 5036, 'abutment', '46', 'TI-G5', 2, NULL, 205.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '7 days' + INTERVAL '10 hours 30 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '13 days' + INTERVAL '13 hours 45 minutes', 'pass'),
(7066, 5037, 'bridge', '24-26', 'CC-M1', 2, 'A1', 401.25, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '16 days' + INTERVAL '11 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '18 days' + INTERVAL '13 hours 30 minutes', 'pass'),
(7067, 5038, 'denture', NULL, 'CC-M1', 4, NULL, 480.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '22 days' + INTERVAL '11 hours 15 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '27 days' + INTERVAL '13 hours', 'pass'),
(7068, 5038, 'crown', '14', 'ZR-ML', 3, 'A1', 155.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '21 days' + INTERVAL '11 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '28 days' + INTERVAL '14 hours 30 minutes', 'rework'),
(7069, 5038, 'veneer', '36', 'LD-PR', 5, 'A1', 196.80, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '22 days' + INTERVAL '10 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '28 days' + INTERVAL '15 hours 45 minutes', 'scrap'),
(7070, 5039, 'night guard', NULL, 'RS-3D', 8, NULL, 104.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days' + INTERVAL '8 hours 30 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '10 days' + INTERVAL '16 hours 30 minutes', 'rework'),
(7071, 5040, 'night guard', NULL, 'PM-AC', 8, NULL, 101.20, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '12 days' + INTERVAL '11 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '17 days' + INTERVAL '16 hours', 'rework'),
(7072, 5040, 'crown', '14', 'ZR-ML', 3, 'A1', 136.70, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '12 days' + INTERVAL '8 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '17 days' + INTERVAL '14 hours', 'pass'),
(7073, 5040, 'abutment', '13', 'TI-G5', 6, NULL, 184.50, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '12 days' + INTERVAL '11 hours 15 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '16 days' + INTERVAL '13 hours 45 minutes', 'pass'),
(7074, 5041, 'veneer', '13', 'LD-PR', 1, 'A3', 174.20, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '19 days' + INTERVAL '8 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '21 days' + INTERVAL '13 hours 15 minutes', 'pass'),
(7075, 5042, 'crown', '11', 'ZR-HT', 3, 'C2', 166.30, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '23 days' + INTERVAL '9 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '25 days' + INTERVAL '15 hours 45 minutes', 'pass'),
(7076, 5043, 'night guard', NULL, 'RS-3D', 8, NULL, 101.20, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '8 days' + INTERVAL '11 hours 15 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '15 days' + INTERVAL '15 hours', 'scrap'),
(7077, 5043, 'veneer', '36', 'FS-PW', 5, 'B1', 196.80, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '8 days' + INTERVAL '10 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '15 days' + INTERVAL '16 hours 15 minutes', 'pass'),
(7078, 5043, 'crown', '14', 'ZR-ML', 1, 'C2', 169.80, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '8 days' + INTERVAL '8 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '14 days' + INTERVAL '14 hours 30 minutes', 'scrap'),
(7079, 5044, 'crown', '12', 'ZR-ML', 1, 'B1', 162.80, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '9 days' + INTERVAL '11 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '12 days' + INTERVAL '14 hours 30 minutes', 'rework'),
(7080, 5044, 'night guard', NULL, 'RS-3D', 8, NULL, 90.90, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '9 days' + INTERVAL '8 hours 45 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '11 days' + INTERVAL '14 hours 30 minutes', 'pass'),
(7081, 5045, 'crown', '13', 'LD-PR', 9, 'A1', 136.70, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '11 days' + INTERVAL '10 hours 30 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '17 days' + INTERVAL '14 hours 30 minutes', 'pass'),
(7082, 5046, 'crown', '34', 'LD-PR', 5, 'B1', 148.00, CURRENT_DATE - INTERVAL '23 days' + INTERVAL '10 hours 45 minutes', CURRENT_DATE - INTERVAL '17 days' + INTERVAL '15 hours', 'rework'),
(7083, 5046, 'crown', '16', 'ZR-HT', 6, 'A1', 152.60, CURRENT_DATE - INTERVAL '22 days' + INTERVAL '8 hours 15 minutes', CURRENT_DATE - INTERVAL '18 days' + INTERVAL '14 hours 30 minutes', 'scrap'),
(7084, 5047, 'veneer', '22', 'FS-PW', 5, 'C2', 158.40, CURRENT_DATE - INTERVAL '17 days' + INTERVAL '8 hours 15 minutes', CURRENT_DATE - INTERVAL '13 days' + INTERVAL '13 hours 15 minutes', 'rework'),
(7085, 5047, 'night guard', NULL, 'RS-3D', 8, NULL, 86.30, CURRENT_DATE - INTERVAL '18 days' + INTERVAL '8 hours 15 minutes', CURRENT_DATE - INTERVAL '13 days' + INTERVAL '14 hours 15 minutes', 'pass'),
(7086, 5048, 'veneer', '24', 'FS-PW', 1, 'A2', 158.40, CURRENT_DATE - INTERVAL '11 days' + INTERVAL '10 hours 15 minutes', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '15 hours 45 minutes', 'scrap'),
(7087, 5049, 'crown', '11', 'ZR-HT', NULL, 'A1', 162.80, NULL, NULL, NULL),
(7088, 5049, 'crown', '41', 'ZR-ML', NULL, 'A1', 136.70, NULL, NULL, NULL),
(7089, 5050, 'crown', '22', 'LD-PR', 6, 'A3', 145.20, NULL, NULL, NULL),
(7090, 5051, 'abutment', '13', 'TI-G5', 2, NULL, 194.75, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '4 days' + INTERVAL '10 hours 30 minutes', NULL, NULL),
(7091, 5052, 'denture', NULL, 'PM-AC', NULL, NULL, 506.00, NULL, NULL, NULL),
(7092, 5053, 'crown', '21', 'ZR-ML', 3, 'A1', 136.70, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '8 hours', NULL, NULL),
(7093, 5053, 'bridge', '14-16', 'ZR-HT', 2, 'A1', 442.75, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '8 hours', NULL, NULL),
(7094, 5054, 'veneer', '21', 'FS-PW', 1, 'C2', 197.10, CURRENT_DATE - INTERVAL '1 days' + INTERVAL '9 hours', NULL, NULL),
(7095, 5054, 'denture', NULL, 'CC-M1', 8, NULL, 480.00, CURRENT_DATE - INTERVAL '1 days' + INTERVAL '8 hours', NULL, NULL),
(7096, 5055, 'denture', NULL, 'PM-AC', 4, NULL, 471.50, CURRENT_DATE - INTERVAL '1 days' + INTERVAL '9 hours 45 minutes', NULL, NULL);

-- remakes
INSERT INTO lab.remakes (remake_no, piece_no, reported_on, reason_code, liable_party, remake_cost, resolved_on) VALUES
(40, 7006, '2024-03-12', 'FIT', 'lab', 53.21, '2024-03-23'),
(41, 7008, '2024-02-28', 'FIT', 'lab', 104.30, '2024-03-05'),
(42, 7010, '2024-03-12', 'MARGIN', 'lab', 63.43, '2024-03-23'),
(43, 7013, '2024-03-18', 'FIT', 'lab', 104.44, '2024-03-24'),
(44, 7014, '2024-03-08', 'SHADE', 'clinic', 116.75, '2024-03-14'),
(45, 7018, '2024-03-20', 'FIT', 'lab', 83.92, '2024-03-28'),
(46, 7030, '2024-04-10', 'FRACTURE', 'lab', 331.60, '2024-04-18'),
(47, 7050, '2024-06-08', 'SHADE', 'clinic', 72.35, '2024-06-14'),
(48, 7053, '2024-06-16', 'MARGIN', 'lab', 72.77, '2024-06-27'),
(49, 7000, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '9 days', 'FIT', 'lab', 213.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '17 days'),
(50, 7001, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '21 days', 'SHADE', 'lab', 85.00, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '1 day'),
(51, 7064, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '13 days', 'FIT', 'clinic', 88.20, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '20 days'),
(52, 7068, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '6 days', 'FRACTURE', 'lab', 84.50, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '15 days'),
(53, 7072, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '11 days', 'SHADE', 'lab', 75.35, NULL),
(54, 7057, CURRENT_DATE - INTERVAL '9 days', 'FIT', 'lab', 120.90, NULL),
(55, 7058, CURRENT_DATE - INTERVAL '3 days', 'MARGIN', 'lab', 57.54, NULL);

-- dispatches
INSERT INTO shipping.dispatches (dispatch_no, order_no, courier_code, picked_up_at, handed_over_at, fee, outcome) VALUES
(300, 5001, 'TRN', '2024-01-17 17:10:00', '2024-01-19 11:10:00', 8.90, 'delivered'),
(301, 5002, 'SWF', '2024-01-17 16:40:00', '2024-01-18 08:30:00', 17.30, 'delivered'),
(302, 5003, 'TRN', '2024-01-26 18:10:00', '2024-01-28 11:30:00', 11.70, 'delivered'),
(303, 5004, 'TRN', '2024-02-01 18:30:00', '2024-02-03 09:30:00', 8.90, 'delivered'),
(304, 5005, 'SWF', '2024-02-02 17:00:00', NULL, 14.50, 'returned'),
(305, 5005, 'SWF', '2024-02-04 17:30:00', '2024-02-05 08:40:00', 16.00, 'delivered'),
(306, 5006, 'CYC', '2024-02-08 17:40:00', '2024-02-09 10:40:00', 14.00, 'delivered'),
(307, 5007, 'BLU', '2024-02-07 17:40:00', '2024-02-09 09:20:00', 8.40, 'delivered'),
(308, 5008, 'SWF', '2024-02-17 17:40:00', '2024-02-18 09:30:00', 16.00, 'delivered'),
(309, 5009, 'SWF', '2024-02-17 16:30:00', '2024-02-18 11:10:00', 18.70, 'delivered'),
(310, 5010, 'TRN', '2024-02-21 16:30:00', '2024-02-23 09:50:00', 11.70, 'delivered'),
(311, 5011, 'TRN', '2024-02-25 15:20:00', '2024-02-27 11:30:00', 13.10, 'delivered'),
(312, 5012, 'SWF', '2024-03-02 16:30:00', NULL, 16.00, 'returned'),
(313, 5012, 'SWF', '2024-03-04 16:50:00', '2024-03-05 11:40:00', 17.30, 'delivered'),
(314, 5014, 'BLU', '2024-03-10 17:40:00', '2024-03-12 09:40:00', 7.10, 'delivered'),
(315, 5015, 'TRN', '2024-03-07 18:20:00', '2024-03-09 08:40:00', 8.90, 'delivered'),
(316, 5016, 'TRN', '2024-03-13 17:30:00', '2024-03-15 08:10:00', 8.90, 'delivered'),
(317, 5017, 'TRN', '2024-03-11 18:50:00', '2024-03-13 10:10:00', 8.90, 'delivered'),
(318, 5018, 'TRN', '2024-03-22 18:20:00', NULL, 13.10, 'lost'),
(319, 5019, 'SWF', '2024-03-19 17:30:00', '2024-03-20 08:20:00', 16.00, 'delivered'),
(320, 5020, 'CYC', '2024-03-17 16:00:00', '2024-03-18 09:50:00', 14.00, 'delivered'),
(321, 5021, 'TRN', '2024-03-27 15:20:00', '2024-03-29 10:30:00', 8.90, 'delivered'),
(322, 5022, 'TRN', '2024-03-29 17:10:00', '2024-03-31 09:50:00', 10.40, 'delivered'),
(323, 5023, 'MED', '2024-04-12 15:00:00', '2024-04-14 08:40:00', 11.90, 'delivered'),
(324, 5024, 'BLU', '2024-04-17 16:00:00', NULL, 5.60, 'returned'),
(325, 5024, 'SWF', '2024-04-19 18:10:00', '2024-04-20 08:30:00', 14.50, 'delivered'),
(326, 5025, 'SWF', '2024-04-25 18:00:00', '2024-04-26 08:30:00', 16.00, 'delivered'),
(327, 5026, 'TRN', '2024-04-25 18:30:00', '2024-04-27 10:40:00', 10.40, 'delivered'),
(328, 5028, 'TRN', '2024-05-10 17:50:00', '2024-05-12 11:10:00', 13.10, 'delivered'),
(329, 5029, 'TRN', '2024-05-22 16:40:00', '2024-05-24 11:50:00', 11.70, 'delivered'),
(330, 5030, 'BLU', '2024-05-30 17:50:00', NULL, 5.60, 'lost'),
(331, 5031, 'TRN', '2024-06-13 17:20:00', '2024-06-15 10:40:00', 13.10, 'delivered'),
(332, 5032, 'CYC', '2024-06-17 16:40:00', '2024-06-18 09:50:00', 11.20, 'delivered'),
(333, 5033, 'CYC', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '17 days' + INTERVAL '17 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '18 days' + INTERVAL '11 hours', 15.40, 'delivered'),
(334, 5034, 'CYC', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '20 days' + INTERVAL '16 hours 20 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '21 days' + INTERVAL '9 hours 50 minutes', 12.70, 'delivered'),
(335, 5035, 'SWF', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '22 days' + INTERVAL '15 hours 20 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '23 days' + INTERVAL '8 hours 50 minutes', 14.50, 'delivered'),
(336, 5036, 'BLU', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '14 days' + INTERVAL '18 hours 40 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '16 days' + INTERVAL '8 hours 50 minutes', 9.80, 'delivered'),
(337, 5037, 'SWF', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '20 days' + INTERVAL '15 hours', NULL, 17.30, 'returned'),
(338, 5037, 'SWF', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '22 days' + INTERVAL '16 hours 40 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '23 days' + INTERVAL '8 hours 50 minutes', 14.50, 'delivered'),
(339, 5038, 'SWF', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '29 days' + INTERVAL '18 hours 40 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '30 days' + INTERVAL '11 hours', 16.00, 'delivered'),
(340, 5039, 'MED', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '11 days' + INTERVAL '17 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '13 days' + INTERVAL '11 hours 30 minutes', 14.60, 'delivered'),
(341, 5040, 'TRN', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '18 days' + INTERVAL '18 hours 30 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '20 days' + INTERVAL '10 hours 50 minutes', 8.90, 'delivered'),
(342, 5041, 'MED', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '22 days' + INTERVAL '15 hours 50 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '24 days' + INTERVAL '11 hours 50 minutes', 11.90, 'delivered'),
(343, 5042, 'TRN', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '26 days' + INTERVAL '18 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '28 days' + INTERVAL '10 hours 50 minutes', 10.40, 'delivered'),
(344, 5043, 'SWF', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '16 days' + INTERVAL '18 hours 10 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '17 days' + INTERVAL '8 hours 40 minutes', 18.70, 'delivered'),
(345, 5044, 'SWF', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days' + INTERVAL '18 hours 40 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '14 days' + INTERVAL '10 hours 40 minutes', 18.70, 'delivered'),
(346, 5045, 'MED', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '18 days' + INTERVAL '18 hours 20 minutes', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '20 days' + INTERVAL '8 hours 10 minutes', 14.60, 'delivered'),
(347, 5046, 'SWF', CURRENT_DATE - INTERVAL '16 days' + INTERVAL '17 hours 40 minutes', CURRENT_DATE - INTERVAL '15 days' + INTERVAL '8 hours 50 minutes', 17.30, 'delivered'),
(348, 5047, 'CYC', CURRENT_DATE - INTERVAL '12 days' + INTERVAL '17 hours 10 minutes', CURRENT_DATE - INTERVAL '11 days' + INTERVAL '8 hours', 14.00, 'delivered'),
(349, 5048, 'MED', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '17 hours 40 minutes', CURRENT_DATE - INTERVAL '1 days' + INTERVAL '9 hours', 10.40, 'delivered');

-- invoices
INSERT INTO finance.invoices (inv_no, order_no, issued_on, payable_by, net_total, vat_total, inv_state, paid_on) VALUES
('INV-1201', 5001, '2024-01-17', '2024-02-16', 388.24, 77.65, 'paid', '2024-02-13'),
('INV-1202', 5002, '2024-01-17', '2024-03-02', 147.20, 29.44, 'paid', '2024-03-06'),
('INV-1203', 5003, '2024-01-26', '2024-02-25', 247.19, 49.44, 'paid', '2024-02-19'),
('INV-1204', 5004, '2024-02-01', '2024-03-02', 179.20, 35.84, 'paid', '2024-03-06'),
('INV-1205', 5005, '2024-02-02', '2024-03-03', 488.39, 97.68, 'paid', '2024-03-12'),
('INV-1206', 5006, '2024-02-08', '2024-03-24', 92.09, 18.42, 'paid', '2024-03-28'),
('INV-1207', 5007, '2024-02-07', '2024-03-08', 380.10, 76.02, 'paid', '2024-03-02'),
('INV-1208', 5008, '2024-02-17', '2024-03-18', 617.83, 123.57, 'paid', '2024-03-22'),
('INV-1209', 5009, '2024-02-17', '2024-03-02', 392.90, 78.58, 'paid', '2024-03-11'),
('INV-1210', 5010, '2024-02-21', '2024-03-06', 174.80, 34.96, 'paid', '2024-03-15'),
('INV-1211', 5011, '2024-02-25', '2024-04-10', 428.08, 85.62, 'paid', '2024-04-04'),
('INV-1212', 5012, '2024-03-02', '2024-03-16', 1050.50, 210.10, 'overdue', NULL),
('INV-1213', 5014, '2024-03-10', '2024-04-09', 712.88, 142.58, 'paid', '2024-04-09'),
('INV-1214', 5015, '2024-03-07', '2024-03-21', 232.50, 46.50, 'paid', '2024-03-15'),
('INV-1215', 5016, '2024-03-13', '2024-04-12', 954.89, 190.98, 'credited', NULL),
('INV-1216', 5017, '2024-03-11', '2024-04-10', 648.51, 129.70, 'paid', '2024-04-10'),
('INV-1217', 5018, '2024-03-22', '2024-04-21', 778.52, 155.70, 'paid', '2024-04-18'),
('INV-1218', 5019, '2024-03-19', '2024-04-18', 401.47, 80.29, 'paid', '2024-04-22'),
('INV-1219', 5020, '2024-03-17', '2024-05-01', 789.13, 157.83, 'paid', '2024-04-30'),
('INV-1220', 5021, '2024-03-27', '2024-04-26', 196.41, 39.28, 'paid', '2024-04-26'),
('INV-1221', 5022, '2024-03-29', '2024-04-12', 341.90, 68.38, 'overdue', NULL),
('INV-1222', 5023, '2024-04-12', '2024-05-27', 195.22, 39.04, 'paid', '2024-05-24'),
('INV-1223', 5024, '2024-04-17', '2024-05-01', 103.60, 20.72, 'paid', '2024-04-30'),
('INV-1224', 5025, '2024-04-25', '2024-05-25', 659.87, 131.97, 'paid', '2024-05-24'),
('INV-1225', 5026, '2024-04-25', '2024-05-25', 84.64, 16.93, 'paid', '2024-05-29'),
('INV-1226', 5028, '2024-05-10', '2024-06-24', 95.31, 19.06, 'paid', '2024-06-23'),
('INV-1227', 5029, '2024-05-22', '2024-06-21', 325.18, 65.04, 'overdue', NULL),
('INV-1228', 5030, '2024-05-30', '2024-06-13', 291.30, 58.26, 'paid', '2024-06-22'),
('INV-1229', 5031, '2024-06-13', '2024-07-28', 213.90, 42.78, 'paid', '2024-07-28'),
('INV-1230', 5032, '2024-06-17', '2024-07-01', 324.70, 64.94, 'paid', '2024-06-25'),
('INV-1231', 5033, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '17 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '47 days', 273.03, 54.61, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '46 days'),
('INV-1232', 5034, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '20 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '50 days', 490.87, 98.17, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '49 days'),
('INV-1233', 5035, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '22 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '52 days', 689.31, 137.86, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '51 days'),
('INV-1234', 5036, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '14 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '28 days', 367.40, 73.48, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '37 days'),
('INV-1235', 5037, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '20 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '65 days', 369.15, 73.83, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '65 days'),
('INV-1236', 5038, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '29 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '74 days', 765.26, 153.05, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '74 days'),
('INV-1237', 5039, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '11 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '41 days', 98.80, 19.76, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '25 days'),
('INV-1238', 5040, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '18 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '48 days', 401.28, 80.26, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '32 days'),
('INV-1239', 5041, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '22 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '52 days', 160.26, 32.05, 'paid', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '36 days'),
('INV-1240', 5042, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '26 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '56 days', 157.99, 31.60, 'open', NULL),
('INV-1241', 5043, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '16 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '76 days', 430.38, 86.08, 'open', NULL),
('INV-1242', 5044, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '27 days', 253.70, 50.74, 'overdue', NULL),
('INV-1243', 5045, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '18 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '63 days', 125.76, 25.15, 'open', NULL),
('INV-1244', 5046, CURRENT_DATE - INTERVAL '16 days', CURRENT_DATE + INTERVAL '29 days', 276.55, 55.31, 'open', NULL),
('INV-1245', 5047, CURRENT_DATE - INTERVAL '12 days', CURRENT_DATE + INTERVAL '18 days', 225.12, 45.02, 'open', NULL),
('INV-1246', 5048, CURRENT_DATE - INTERVAL '3 days', CURRENT_DATE + INTERVAL '27 days', 150.48, 30.10, 'open', NULL);

-- receipts
INSERT INTO finance.receipts (receipt_no, inv_no, received_on, sum_received, pay_method) VALUES
(900, 'INV-1201', '2024-02-13', 465.89, 'transfer'),
(901, 'INV-1202', '2024-03-06', 176.64, 'cheque'),
(902, 'INV-1203', '2024-02-19', 296.63, 'card'),
(903, 'INV-1204', '2024-03-06', 215.04, 'direct debit'),
(904, 'INV-1205', '2024-03-12', 586.07, 'cheque'),
(905, 'INV-1206', '2024-03-28', 110.51, 'card'),
(906, 'INV-1207', '2024-02-26', 182.45, 'transfer'),
(907, 'INV-1207', '2024-03-02', 273.67, 'transfer'),
(908, 'INV-1208', '2024-03-22', 741.40, 'direct debit'),
(909, 'INV-1209', '2024-03-11', 471.48, 'direct debit'),
(910, 'INV-1210', '2024-03-15', 209.76, 'transfer'),
(911, 'INV-1211', '2024-04-04', 513.70, 'transfer'),
(912, 'INV-1212', '2024-03-11', 630.30, 'transfer'),
(913, 'INV-1212', '2024-03-22', 252.12, 'card'),
(914, 'INV-1213', '2024-04-04', 342.18, 'card'),
(915, 'INV-1213', '2024-04-09', 513.28, 'transfer'),
(916, 'INV-1214', '2024-03-15', 279.00, 'transfer'),
(917, 'INV-1216', '2024-04-10', 778.21, 'card'),
(918, 'INV-1217', '2024-04-18', 934.22, 'transfer'),
(919, 'INV-1218', '2024-04-22', 481.76, 'direct debit'),
(920, 'INV-1219', '2024-04-30', 946.96, 'cheque'),
(921, 'INV-1220', '2024-04-21', 94.28, 'card'),
(922, 'INV-1220', '2024-04-26', 141.41, 'transfer'),
(923, 'INV-1222', '2024-05-24', 234.26, 'direct debit'),
(924, 'INV-1223', '2024-04-30', 124.32, 'transfer'),
(925, 'INV-1224', '2024-05-24', 791.84, 'transfer'),
(926, 'INV-1225', '2024-05-29', 101.57, 'transfer'),
(927, 'INV-1226', '2024-06-18', 45.75, 'card'),
(928, 'INV-1226', '2024-06-23', 68.62, 'transfer'),
(929, 'INV-1228', '2024-06-22', 349.56, 'direct debit'),
(930, 'INV-1229', '2024-07-28', 256.68, 'transfer'),
(931, 'INV-1230', '2024-06-25', 389.64, 'transfer'),
(932, 'INV-1231', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '46 days', 327.64, 'direct debit'),
(933, 'INV-1232', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '49 days', 589.04, 'direct debit'),
(934, 'INV-1233', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '46 days', 330.87, 'card'),
(935, 'INV-1233', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '51 days', 496.30, 'transfer'),
(936, 'INV-1234', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '37 days', 440.88, 'direct debit'),
(937, 'INV-1235', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '65 days', 442.98, 'direct debit'),
(938, 'INV-1236', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '74 days', 918.31, 'direct debit'),
(939, 'INV-1237', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '25 days', 118.56, 'direct debit'),
(940, 'INV-1238', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '32 days', 481.54, 'direct debit'),
(941, 'INV-1239', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '36 days', 192.31, 'transfer'),
(942, 'INV-1241', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '25 days', 258.23, 'transfer');
