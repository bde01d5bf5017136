-- A seller of event tickets: venues, organisers, events and their tiers, customers, orders, payouts, stock of tickets.
-- All tables are in the schema event_desk. A payout goes to an organiser or a venue: payee_type tells, no foreign key is declared.
-- Dates are relative to the day of loading, except master data, and what is of 2023 and 2024.
SET TIME ZONE 'UTC';

CREATE SCHEMA IF NOT EXISTS event_desk;

CREATE TABLE event_desk.venues (
  venue_id BIGINT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  city VARCHAR(50) NOT NULL,
  country VARCHAR(2) NOT NULL, -- 2-letter country code
  postal_code VARCHAR(20),
  capacity INT,
  venue_type VARCHAR(20) NOT NULL, -- possible values: arena, hall, theatre, club, open_air
  opened_on DATE,
  status VARCHAR(20) NOT NULL, -- possible values: active, closed, renovation
  contact_email VARCHAR(100)
);

CREATE TABLE event_desk.organisers (
  org_id BIGINT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  description TEXT,
  country VARCHAR(2),
  contact_name VARCHAR(100),
  contact_email VARCHAR(100),
  contact_phone VARCHAR(20),
  commission_pct DECIMAL(5,2) NOT NULL,
  status VARCHAR(20) NOT NULL, -- possible values: active, suspended, closed
  created_at TIMESTAMP NOT NULL
);

CREATE TABLE event_desk.events (
  event_id BIGINT PRIMARY KEY,
  organiser_id BIGINT NOT NULL REFERENCES event_desk.organisers(org_id),
  venue_id BIGINT NOT NULL REFERENCES event_desk.venues(venue_id),
  title VARCHAR(150) NOT NULL,
  category VARCHAR(50) NOT NULL,
  min_age INT,
  starts_at TIMESTAMP NOT NULL,
  ends_at TIMESTAMP, -- NULL while not confirmed
  status VARCHAR(20) NOT NULL, -- possible values: draft, on_sale, sold_out, completed, cancelled
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP
);

CREATE TABLE event_desk.ticket_tiers (
  tier_id BIGINT PRIMARY KEY,
  event_id BIGINT NOT NULL REFERENCES event_desk.events(event_id),
  tier_name VARCHAR(50) NOT NULL,
  face_value DECIMAL(10,2) NOT NULL,
  booking_fee DECIMAL(10,2) NOT NULL,
  quota INT NOT NULL,
  sales_start DATE NOT NULL,
  sales_end DATE
);

CREATE TABLE event_desk.customers (
  customer_id BIGINT PRIMARY KEY,
  full_name VARCHAR(100) NOT NULL,
  email VARCHAR(100) NOT NULL,
  phone_number VARCHAR(20),
  country VARCHAR(2), -- 2-letter country code
  city VARCHAR(50),
  status VARCHAR(20) NOT NULL, -- possible values: active, blocked, closed
  loyalty_level INTEGER NOT NULL, -- 0 for none, 1 for blue, 2 for silver, 3 for gold
  newsletter BOOLEAN,
  signed_up_at TIMESTAMP NOT NULL
);

-- Fact Tables --

CREATE TABLE event_desk.orders (
  order_id SERIAL PRIMARY KEY,
  customer_id BIGINT NOT NULL REFERENCES event_desk.customers(customer_id),
  placed_at TIMESTAMP NOT NULL,
  paid_at TIMESTAMP, -- NULL if never paid
  status VARCHAR(20) NOT NULL, -- possible values: pending, paid, failed, refunded
  total_amount DECIMAL(10,2) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  channel VARCHAR(20) NOT NULL, -- possible values: web, mobile_app, box_office, phone
  payment_provider VARCHAR(30),
  promo_code VARCHAR(20), -- NULL if no promotion was used
  order_ref VARCHAR(36) NOT NULL,
  ip_address VARCHAR(50)
);

CREATE TABLE event_desk.order_items (
  item_id SERIAL PRIMARY KEY,
  order_id INT NOT NULL REFERENCES event_desk.orders(order_id),
  tier_id BIGINT NOT NULL REFERENCES event_desk.ticket_tiers(tier_id),
  quantity INT NOT NULL,
  unit_price DECIMAL(10,2) NOT NULL,
  scanned_at TIMESTAMP -- time of entry at the door, NULL if not scanned
);

CREATE TABLE event_desk.payouts (
  payout_id BIGINT PRIMARY KEY,
  payee_id BIGINT NOT NULL,
  payee_type INT NOT NULL, -- 0 for organiser, 1 for venue
  amount DECIMAL(10,2) NOT NULL,
  status VARCHAR(20) NOT NULL, -- possible values: requested, settled, rejected
  requested_at TIMESTAMP NOT NULL,
  settled_at TIMESTAMP,
  bank_ref VARCHAR(36)
);

CREATE TABLE event_desk.tier_stock_snapshot (
  tier_id BIGINT NOT NULL REFERENCES event_desk.ticket_tiers(tier_id),
  snapshot_date DATE NOT NULL,
  qty_available INT NOT NULL,
  qty_held INT NOT NULL, -- kept back for guests and press
  created_at TIMESTAMP NOT NULL,
  PRIMARY KEY (tier_id, snapshot_date)
);

-- venues
INSERT INTO event_desk.venues (venue_id, name, city, country, postal_code, capacity, venue_type, opened_on, status, contact_email)
VALUES
  (1, 'Riverside Arena', 'London', 'GB', 'SE10 0DX', 12000, 'arena', '2007-06-24', 'active', 'hire@riversidearena.example'),
  (2, 'Old Corn Exchange', 'Edinburgh', 'GB', 'EH1 1RF', 900, 'hall', '1998-04-02', 'active', 'hire@oldcornexchange.example'),
  (3, 'Liffey Hall', 'Dublin', 'IE', 'D01 F5P2', 1500, 'hall', '2004-09-18', 'active', 'hire@liffeyhall.example'),
  (4, 'Kulturwerk Nord', 'Hamburg', 'DE', '20357', 2200, 'club', '2012-11-09', 'active', 'hire@kulturwerknord.example'),
  (5, 'Spreegarten', 'Berlin', 'DE', '10243', 5000, 'open_air', '2009-05-01', 'active', 'hire@spreegarten.example'),
  (6, 'Le Petit Zenith', 'Paris', 'FR', '75011', 800, 'theatre', '2001-10-12', 'active', 'hire@lepetitzenith.example'),
  (7, 'Halle Bellecour', 'Lyon', 'FR', '69002', 1800, 'hall', '2015-03-27', 'renovation', 'hire@hallebellecour.example'),
  (8, 'Teatro Almendra', 'Madrid', 'ES', '28012', 1100, 'theatre', '1987-01-30', 'active', 'hire@teatroalmendra.example'),
  (9, 'Parc del Mar', 'Barcelona', 'ES', '08019', 7000, 'open_air', '2018-06-15', 'active', 'hire@parcdelmar.example'),
  (10, 'Canal Basement', 'Amsterdam', 'NL', '1012 GX', 450, 'club', '2016-02-20', 'active', 'hire@canalbasement.example'),
  (11, 'Northgate Pavilion', 'Leeds', 'GB', 'LS2 7UE', 3000, 'arena', NULL, 'renovation', 'hire@northgatepavilion.example'),
  (12, 'Fjord Stage', 'Oslo', 'NO', '0150', NULL, 'open_air', '1995-08-08', 'closed', 'hire@fjordstage.example');

-- organisers
INSERT INTO event_desk.organisers (org_id, name, description, country, contact_name, contact_email, contact_phone, commission_pct, status, created_at)
VALUES
  (1, 'Lighthouse Live', 'Festivals and large concerts', 'GB', 'Edward Finch', 'edward@lighthouselive.com', '+442071110001', 8.50, 'active', '2024-01-08 09:30:00'),
  (2, 'Adagio Concerts', 'Chamber and choral music', 'GB', 'Helen Marsh', 'helen@adagio.co.uk', '+441315550102', 7.00, 'active', '2021-05-17 14:00:00'),
  (3, 'Giggle Works', 'Comedy and club nights', 'NL', 'Sander Bos', 'sander@giggleworks.nl', '+31205550133', 10.00, 'active', '2023-09-04 11:20:00'),
  (4, 'Cuarta Pared', 'Independent theatre company', 'ES', 'Ines Prado', 'ines@cuartapared.es', '+34915550147', 6.50, 'active', '2023-11-15 16:45:00'),
  (5, 'Summit Makers', 'Business conferences', 'IE', 'Aoife Brennan', 'aoife@summitmakers.ie', '+35315550178', 12.00, 'active', '2024-03-03 08:15:00'),
  (6, 'Fairplay Events', 'Sport fixtures and expos', 'GB', 'Dean Ogilvie', 'dean@fairplay.events', NULL, 9.00, 'active', '2020-02-10 10:00:00'),
  (7, 'Sol y Ritmo', 'Latin music promoters', 'ES', 'Rafael Ibarra', 'rafael@solyritmo.es', '+34935550160', 8.00, 'active', '2023-12-20 12:30:00'),
  (8, 'Plein Air Cinema', 'Open air film screenings', 'FR', 'Lucie Vidal', 'lucie@pleinair.fr', '+33155501199', 9.50, 'active', CURRENT_DATE - INTERVAL '100 days' + INTERVAL '10 hours'),
  (9, 'Polar Sounds', 'Nordic jazz agency', 'NO', 'Magnus Lie', 'magnus@polarsounds.no', '+4722555018', 7.50, 'suspended', '2022-08-29 13:10:00');

-- events
INSERT INTO event_desk.events (event_id, organiser_id, venue_id, title, category, min_age, starts_at, ends_at, status, created_at, updated_at)
VALUES
  (1, 1, 5, 'Harbour Lights Festival', 'Music Festival', 16, '2024-05-18 12:00:00', '2024-05-18 23:00:00', 'completed', '2024-01-20 10:00:00', '2024-05-19 09:00:00'),
  (2, 2, 2, 'String Theory Quartet', 'Classical Music', NULL, '2024-05-24 19:30:00', '2024-05-24 21:45:00', 'completed', '2024-02-05 15:30:00', '2024-05-25 08:00:00'),
  (3, 3, 6, 'Laugh Factory Tour', 'Comedy', 18, '2024-05-30 20:00:00', '2024-05-30 22:00:00', 'completed', '2024-02-14 11:00:00', NULL),
  (4, 1, 4, 'Midnight Synths', 'Live Music', 18, '2024-06-07 21:00:00', '2024-06-08 01:30:00', 'completed', '2024-03-01 09:45:00', '2024-06-08 12:00:00'),
  (5, 4, 8, 'Hamlet Reloaded', 'Theatre', 12, '2024-06-12 19:00:00', '2024-06-12 22:10:00', 'completed', '2024-01-30 17:20:00', '2024-06-13 10:30:00'),
  (6, 5, 3, 'DataOps Summit', 'Conference', NULL, '2024-06-20 09:00:00', '2024-06-20 17:30:00', 'completed', '2024-03-10 08:00:00', '2024-06-21 09:10:00'),
  (7, 6, 1, 'Riverside Derby', 'Sport', NULL, '2024-06-28 18:00:00', '2024-06-28 20:00:00', 'completed', '2024-03-22 13:00:00', NULL),
  (8, 7, 9, 'Salsa Sunday', 'Latin Music', NULL, '2024-07-14 17:00:00', '2024-07-14 22:30:00', 'completed', '2024-04-02 12:15:00', '2024-07-15 09:00:00'),
  (9, 3, 10, 'Indie Cellar Nights', 'Live Music', 18, '2024-02-09 20:00:00', '2024-02-09 23:30:00', 'completed', '2023-09-12 10:40:00', '2024-02-10 11:00:00'),
  (10, 3, 2, 'Improv Roulette', 'Comedy', 16, '2024-03-15 20:30:00', '2024-03-15 22:15:00', 'cancelled', '2023-09-25 09:05:00', '2024-03-10 16:00:00'),
  (11, 2, 2, 'Choral Evensong', 'Classical Music', NULL, '2024-11-30 18:00:00', '2024-11-30 20:00:00', 'completed', '2024-07-08 14:10:00', '2024-12-01 10:00:00'),
  (12, 5, 6, 'Startup Pitch Day', 'Conference', 18, '2024-09-19 09:30:00', '2024-09-19 16:00:00', 'cancelled', '2024-05-16 10:30:00', '2024-09-20 08:45:00'),
  (13, 1, 4, 'Winter Jazz Weekender', 'Music Festival', 16, CURRENT_DATE - INTERVAL '20 days' + INTERVAL '14 hours', CURRENT_DATE - INTERVAL '20 days' + INTERVAL '23 hours', 'completed', CURRENT_DATE - INTERVAL '130 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '19 days' + INTERVAL '10 hours'),
  (14, 3, 1, 'Stand-Up Marathon', 'Comedy', 18, CURRENT_DATE - INTERVAL '6 days' + INTERVAL '18 hours', CURRENT_DATE - INTERVAL '6 days' + INTERVAL '23 hours 30 min', 'completed', CURRENT_DATE - INTERVAL '95 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '10 hours'),
  (15, 6, 3, 'City Marathon Expo', 'Sport', NULL, CURRENT_DATE - INTERVAL '12 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '12 days' + INTERVAL '18 hours', 'completed', CURRENT_DATE - INTERVAL '110 days' + INTERVAL '10 hours', NULL),
  (16, 7, 5, 'Neon Garden', 'Live Music', 16, CURRENT_DATE + INTERVAL '15 days' + INTERVAL '19 hours', CURRENT_DATE + INTERVAL '15 days' + INTERVAL '23 hours', 'on_sale', CURRENT_DATE - INTERVAL '80 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '10 hours'),
  (17, 4, 8, 'The Glass Menagerie', 'Theatre', 12, CURRENT_DATE + INTERVAL '25 days' + INTERVAL '19 hours', CURRENT_DATE + INTERVAL '25 days' + INTERVAL '21 hours 40 min', 'on_sale', CURRENT_DATE - INTERVAL '60 days' + INTERVAL '10 hours', NULL),
  (18, 8, 9, 'Cinema Under the Stars', 'Film', NULL, CURRENT_DATE + INTERVAL '40 days' + INTERVAL '21 hours', CURRENT_DATE + INTERVAL '40 days' + INTERVAL '23 hours 20 min', 'on_sale', CURRENT_DATE - INTERVAL '30 days' + INTERVAL '10 hours', NULL),
  (19, 2, 7, 'Baroque by Candlelight', 'Classical Music', NULL, CURRENT_DATE + INTERVAL '33 days' + INTERVAL '20 hours', CURRENT_DATE + INTERVAL '33 days' + INTERVAL '22 hours', 'sold_out', CURRENT_DATE - INTERVAL '70 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '4 days' + INTERVAL '10 hours'),
  (20, 5, 3, 'Robotics Forum', 'Conference', NULL, CURRENT_DATE + INTERVAL '60 days' + INTERVAL '9 hours', NULL, 'draft', CURRENT_DATE - INTERVAL '9 days' + INTERVAL '10 hours', NULL);

-- ticket_tiers
INSERT INTO event_desk.ticket_tiers (tier_id, event_id, tier_name, face_value, booking_fee, quota, sales_start, sales_end)
VALUES
  (1, 1, 'General Standing', 45.00, 3.50, 3500, '2024-02-01', '2024-05-17'),
  (2, 1, 'VIP Deck', 120.00, 8.00, 200, '2024-02-01', '2024-05-10'),
  (3, 2, 'Stalls', 32.00, 2.50, 500, '2024-02-12', '2024-05-24'),
  (4, 2, 'Circle', 24.00, 2.00, 300, '2024-02-12', '2024-05-24'),
  (5, 3, 'Seated', 28.00, 2.00, 700, '2024-03-01', '2024-05-30'),
  (6, 4, 'Floor Standing', 38.00, 3.00, 1500, '2024-03-15', '2024-06-07'),
  (7, 4, 'Balcony', 48.00, 3.00, 400, '2024-03-15', '2024-06-07'),
  (8, 4, 'VIP Lounge', 95.00, 6.00, 80, '2024-03-15', '2024-06-01'),
  (9, 5, 'Platea', 30.00, 2.00, 600, '2024-02-20', '2024-06-12'),
  (10, 5, 'Anfiteatro', 20.00, 1.50, 350, '2024-02-20', '2024-06-12'),
  (11, 6, 'Delegate Pass', 240.00, 0.00, 900, '2024-04-01', '2024-06-15'),
  (12, 6, 'Student Delegate', 90.00, 0.00, 100, '2024-04-01', '2024-06-15'),
  (13, 7, 'Lower Tier', 35.00, 2.50, 6000, '2024-04-10', NULL),
  (14, 7, 'Upper Tier', 22.00, 2.00, 5000, '2024-04-10', NULL),
  (15, 8, 'Pista', 18.00, 1.50, 5000, '2024-04-20', '2024-07-14'),
  (16, 9, 'Standing', 15.00, 1.00, 400, '2023-10-15', '2024-02-09'),
  (17, 10, 'Unreserved', 12.00, 1.00, 600, '2023-11-01', '2024-03-15'),
  (18, 11, 'Nave', 20.00, 1.50, 700, '2024-09-01', '2024-11-30'),
  (19, 12, 'Founder Pass', 150.00, 0.00, 300, '2024-06-01', '2024-09-18'),
  (20, 13, 'Weekender Standing', 55.00, 4.00, 1600, CURRENT_DATE - INTERVAL '120 days', CURRENT_DATE - INTERVAL '21 days'),
  (21, 13, 'Weekender Seated', 75.00, 4.00, 400, CURRENT_DATE - INTERVAL '120 days', CURRENT_DATE - INTERVAL '21 days'),
  (22, 14, 'Seated', 36.00, 2.50, 9000, CURRENT_DATE - INTERVAL '90 days', CURRENT_DATE - INTERVAL '6 days'),
  (23, 15, 'Expo Entry', 10.00, 0.50, 1400, CURRENT_DATE - INTERVAL '100 days', CURRENT_DATE - INTERVAL '12 days'),
  (24, 16, 'Early Entry Standing', 42.00, 3.00, 800, CURRENT_DATE - INTERVAL '75 days', CURRENT_DATE + INTERVAL '15 days'),
  (25, 16, 'Garden Standing', 34.00, 3.00, 3000, CURRENT_DATE - INTERVAL '75 days', CURRENT_DATE + INTERVAL '15 days'),
  (26, 16, 'Terrace Seats', 60.00, 4.00, 350, CURRENT_DATE - INTERVAL '75 days', CURRENT_DATE + INTERVAL '15 days'),
  (27, 17, 'Platea', 34.00, 2.00, 600, CURRENT_DATE - INTERVAL '50 days', CURRENT_DATE + INTERVAL '25 days'),
  (28, 17, 'Anfiteatro', 22.00, 1.50, 350, CURRENT_DATE - INTERVAL '50 days', CURRENT_DATE + INTERVAL '25 days'),
  (29, 18, 'Lawn', 14.00, 1.00, 4000, CURRENT_DATE - INTERVAL '25 days', CURRENT_DATE + INTERVAL '40 days'),
  (30, 18, 'Deckchair', 19.00, 1.00, 500, CURRENT_DATE - INTERVAL '25 days', CURRENT_DATE + INTERVAL '40 days'),
  (31, 19, 'Candlelit Stalls', 40.00, 2.50, 300, CURRENT_DATE - INTERVAL '65 days', CURRENT_DATE - INTERVAL '4 days'),
  (32, 20, 'Delegate Pass', 260.00, 0.00, 900, CURRENT_DATE + INTERVAL '5 days', CURRENT_DATE + INTERVAL '55 days'),
  (33, 18, 'Hillside Standing', 9.00, 0.50, 1200, CURRENT_DATE - INTERVAL '25 days', CURRENT_DATE + INTERVAL '40 days');

-- customers
INSERT INTO event_desk.customers (customer_id, full_name, email, phone_number, country, city, status, loyalty_level, newsletter, signed_up_at)
VALUES
  (1, 'Oliver Hastings', 'oliver.hastings@mailbox.co.uk', '+447700900101', 'GB', 'London', 'active', 2, true, '2022-03-14 19:05:00'),
  (2, 'Niamh Gallagher', 'niamh.g@eircom.ie', '+353860000102', 'IE', 'Dublin', 'active', 1, true, '2023-01-22 10:40:00'),
  (3, 'Jonas Becker', 'jonas.becker@web.de', '+491510000103', 'DE', 'Hamburg', 'active', 3, false, '2021-11-05 21:15:00'),
  (4, 'Camille Dufour', 'camille.dufour@orange.fr', '+33600000104', 'FR', 'Paris', 'active', 1, true, '2023-12-02 12:00:00'),
  (5, 'Lucia Navarro', 'lucia.navarro@correo.es', '+34600000105', 'ES', 'Madrid', 'active', 0, false, '2024-01-15 09:30:00'),
  (6, 'Pieter van Dijk', 'pieter@vandijk.nl', NULL, 'NL', 'Utrecht', 'active', 0, NULL, '2023-10-08 17:45:00'),
  (7, 'Freya MacLeod', 'freya.macleod@mailbox.co.uk', '+447700900107', 'GB', 'Edinburgh', 'active', 1, true, '2024-02-10 14:20:00'),
  (8, 'Anke Schuster', 'anke.schuster@gmx.de', '+491510000108', 'DE', 'Berlin', 'active', 2, true, '2022-07-30 08:55:00'),
  (9, 'Baptiste Moreau', 'b.moreau@laposte.fr', '+33600000109', 'FR', 'Lyon', 'blocked', 0, false, '2023-06-18 23:10:00'),
  (10, 'Marta Ferrer', 'marta.ferrer@correo.es', '+34600000110', 'ES', 'Barcelona', 'active', 2, true, '2024-03-05 11:35:00'),
  (11, 'Siobhan Keane', 'siobhan.keane@eircom.ie', '+353860000111', 'IE', 'Cork', 'active', 0, false, '2024-04-01 16:00:00'),
  (12, 'Tom Ashworth', 'tom.ashworth@yorkmail.co.uk', '+447700900112', 'GB', 'Leeds', 'closed', 0, false, '2020-09-12 13:25:00'),
  (13, 'Katrin Vogel', 'katrin.vogel@web.de', '+491510000113', 'DE', 'Bremen', 'active', 1, true, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '6 days 13 hours'),
  (14, 'Hugo Lambert', 'hugo.lambert@orange.fr', NULL, 'FR', 'Nantes', 'active', 0, true, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '5 days 12 hours'),
  (15, 'Ingrid Solberg', 'ingrid.solberg@online.no', '+4790000115', 'NO', 'Oslo', 'active', 0, NULL, '2022-12-27 20:30:00'),
  (16, 'Diego Romero', 'diego.romero@correo.es', '+34600000116', 'ES', 'Valencia', 'active', 1, false, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days 11 hours'),
  (17, 'Ruby Clarke', 'ruby.clarke@yorkmail.co.uk', '+447700900117', 'GB', 'Bristol', 'active', 0, true, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 months' + INTERVAL '3 days 10 hours'),
  (18, 'Matteo Conti', 'matteo.conti@posta.it', '+39330000118', 'IT', 'Milan', 'active', 0, false, '2023-08-21 15:50:00');

-- orders
INSERT INTO event_desk.orders (order_id, customer_id, placed_at, paid_at, status, total_amount, currency, channel, payment_provider, promo_code, order_ref, ip_address)
VALUES
  (1, 6, '2023-11-03 20:14:00', '2023-11-03 20:16:00', 'paid', 32.00, 'EUR', 'web', 'Adyen', NULL, 'c4ca4238-a0b9-4382-0dcc', '10.6.1.37'),
  (2, 1, '2023-12-11 09:20:00', NULL, 'failed', 52.00, 'EUR', 'mobile_app', 'Stripe', NULL, 'c81e728d-9d4c-4f63-6f06', '10.1.2.74'),
  (3, 2, '2024-01-19 18:35:00', '2024-01-19 18:38:00', 'refunded', 26.00, 'EUR', 'web', 'Stripe', NULL, 'eccbc87e-4b5c-42fe-2830', '10.2.3.111'),
  (4, 6, '2024-01-28 22:02:00', '2024-01-28 22:03:00', 'paid', 43.20, 'EUR', 'mobile_app', 'Adyen', 'CELLAR10', 'a87ff679-a2f3-471d-9181', '10.6.4.148'),
  (5, 1, '2024-02-03 10:12:00', '2024-02-03 10:16:00', 'paid', 289.80, 'EUR', 'web', 'Stripe', 'EARLY24', 'e4da3b7f-bbce-4345-d777', '10.1.5.185'),
  (6, 3, '2024-02-07 19:50:00', '2024-02-07 19:52:00', 'paid', 87.30, 'EUR', 'mobile_app', 'PayPal', 'EARLY24', '1679091c-5a88-4faf-6fb5', '10.3.6.222'),
  (7, 9, '2024-02-16 21:33:00', '2024-02-16 21:38:00', 'paid', 256.00, 'EUR', 'web', 'Stripe', NULL, '8f14e45f-ceea-467a-5a36', '10.9.7.9'),
  (8, 7, '2024-02-20 12:08:00', '2024-02-20 12:10:00', 'paid', 69.00, 'EUR', 'web', 'Stripe', NULL, 'c9f0f895-fb98-4b91-59f5', '10.7.8.46'),
  (9, 5, '2024-03-02 16:44:00', '2024-03-02 16:50:00', 'paid', 64.00, 'EUR', 'web', 'Adyen', NULL, '45c48cce-2e2d-4fbd-ea1a', '10.5.9.83'),
  (10, 4, '2024-03-09 20:25:00', '2024-03-09 20:28:00', 'paid', 60.00, 'EUR', 'mobile_app', 'Stripe', NULL, 'd3d94468-02a4-4259-755d', '10.4.10.120'),
  (11, 3, '2024-03-18 08:31:00', '2024-03-18 08:33:00', 'paid', 201.60, 'EUR', 'web', 'PayPal', 'SYNTH5', '6512bd43-d9ca-46e0-2c99', '10.3.11.157'),
  (12, 8, '2024-03-21 13:13:00', '2024-03-21 13:22:00', 'paid', 82.00, 'EUR', 'phone', 'Adyen', NULL, 'c20ad4d7-6fe9-4759-aa27', NULL),
  (13, 12, '2024-03-25 17:02:00', '2024-03-25 17:06:00', 'paid', 52.00, 'EUR', 'box_office', NULL, NULL, 'c51ce410-c124-410e-0db5', NULL),
  (14, 10, '2024-04-06 19:19:00', '2024-04-06 19:22:00', 'paid', 86.00, 'EUR', 'mobile_app', 'Stripe', NULL, 'aab32389-22bc-425a-6f60', '10.10.14.18'),
  (15, 2, '2024-04-11 09:09:00', '2024-04-11 09:11:00', 'paid', 648.00, 'EUR', 'web', 'Stripe', 'TEAM3', '9bf31c7f-f062-436a-96d3', '10.2.15.55'),
  (16, 8, '2024-04-22 22:50:00', '2024-04-22 22:51:00', 'paid', 102.00, 'EUR', 'mobile_app', 'Stripe', NULL, 'c74d97b0-1eae-457e-44aa', '10.8.16.92'),
  (17, 4, '2024-04-27 11:40:00', NULL, 'failed', 97.00, 'EUR', 'web', 'Stripe', NULL, '70efdf2e-c9b0-4607-9795', '10.4.17.129'),
  (18, 1, '2024-05-04 15:00:00', '2024-05-04 15:03:00', 'paid', 150.00, 'EUR', 'web', 'Stripe', NULL, '6f4922f4-5568-461a-8cdf', '10.1.18.166'),
  (19, 11, '2024-05-09 18:27:00', '2024-05-09 18:31:00', 'paid', 90.00, 'EUR', 'web', 'PayPal', NULL, '1f0e3dad-9990-4345-f743', '10.11.19.203'),
  (20, 3, '2024-05-15 20:41:00', NULL, 'pending', 41.00, 'EUR', 'mobile_app', 'PayPal', NULL, '98f13708-2101-44c4-7568', '10.3.20.240'),
  (21, 10, '2024-05-27 10:10:00', '2024-05-27 10:12:00', 'paid', 87.75, 'EUR', 'web', 'Adyen', 'RITMO', '3c59dc04-8e88-4024-3be8', '10.10.21.27'),
  (22, 5, '2024-06-03 23:05:00', '2024-06-03 23:06:00', 'paid', 39.00, 'EUR', 'mobile_app', 'Stripe', NULL, 'b6d767d2-f8ed-4d21-a44b', '10.5.22.64'),
  (23, 9, '2024-06-21 02:14:00', NULL, 'failed', 117.00, 'EUR', 'web', 'Stripe', NULL, '37693cfc-7480-49e4-5d87', '10.9.23.101'),
  (24, 4, '2024-07-02 12:55:00', '2024-07-02 13:00:00', 'refunded', 150.00, 'EUR', 'web', 'Stripe', NULL, '1ff1de77-4005-48da-13f4', '10.4.24.138'),
  (25, 12, '2024-09-07 14:31:00', '2024-09-07 14:34:00', 'paid', 43.00, 'EUR', 'box_office', NULL, NULL, '8e296a06-7a37-4633-70de', NULL),
  (26, 7, '2024-10-12 09:46:00', '2024-10-12 09:48:00', 'paid', 58.05, 'EUR', 'web', 'Stripe', 'NAVE2', '4e732ced-3463-406d-e0ca', '10.7.26.212'),
  (27, 3, CURRENT_DATE - INTERVAL '88 days' + INTERVAL '12 hours', CURRENT_DATE - INTERVAL '88 days' + INTERVAL '12 hours' + INTERVAL '2 min', 'paid', 106.20, 'EUR', 'web', 'PayPal', 'JAZZ15', '02e74f10-e032-4ad8-68d1', '10.3.27.249'),
  (28, 8, CURRENT_DATE - INTERVAL '74 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '74 days' + INTERVAL '10 hours' + INTERVAL '3 min', 'paid', 142.20, 'EUR', 'mobile_app', 'Adyen', 'JAZZ15', '33e75ff0-9dd6-41bb-e69f', '10.8.28.36'),
  (29, 1, CURRENT_DATE - INTERVAL '67 days' + INTERVAL '13 hours', CURRENT_DATE - INTERVAL '67 days' + INTERVAL '13 hours' + INTERVAL '2 min', 'paid', 115.50, 'EUR', 'web', 'Stripe', NULL, '6ea9ab1b-aa0e-4b9e-1909', '10.1.29.73'),
  (30, 13, CURRENT_DATE - INTERVAL '58 days' + INTERVAL '9 hours', CURRENT_DATE - INTERVAL '58 days' + INTERVAL '9 hours' + INTERVAL '4 min', 'paid', 149.00, 'EUR', 'mobile_app', 'Stripe', NULL, '34173cb3-8f07-489d-dbeb', '10.13.30.110'),
  (31, 14, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '11 days 13 hours', NULL, 'failed', 85.00, 'EUR', 'web', 'Stripe', NULL, 'c16a5320-fa47-4530-d958', '10.14.31.147'),
  (32, 14, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '11 days 15 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '11 days 15 hours' + INTERVAL '2 min', 'paid', 85.00, 'EUR', 'web', 'Stripe', NULL, '6364d3f0-f495-46ab-9dcf', '10.14.32.184'),
  (33, 16, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '16 days 18 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '16 days 18 hours' + INTERVAL '3 min', 'paid', 64.80, 'EUR', 'mobile_app', 'Adyen', 'GLASS', '182be0c5-cdcd-4072-bb18', '10.16.33.221'),
  (34, 17, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '6 days 20 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '6 days 20 hours' + INTERVAL '2 min', 'paid', 77.00, 'EUR', 'web', 'Stripe', NULL, 'e369853d-f766-4a44-e1ed', '10.17.34.8'),
  (35, 2, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '9 days 8 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '9 days 8 hours' + INTERVAL '3 min', 'refunded', 42.00, 'EUR', 'web', 'Stripe', NULL, '1c383cd3-0b7c-498a-b502', '10.2.35.45'),
  (36, 5, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days 21 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '13 days 21 hours' + INTERVAL '1 min', 'paid', 70.50, 'EUR', 'mobile_app', 'Adyen', NULL, '19ca14e7-ea63-48a4-2e0e', '10.5.36.82'),
  (37, 10, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '15 days 11 hours', NULL, 'failed', 32.40, 'EUR', 'web', 'Adyen', 'GLASS', 'a5bfc9e0-7964-48dd-deb9', '10.10.37.119'),
  (38, 13, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '19 days 17 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '19 days 17 hours' + INTERVAL '2 min', 'paid', 74.00, 'EUR', 'web', 'Stripe', NULL, 'a5771bce-93e2-40c3-6f7c', '10.13.38.156'),
  (39, 10, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '12 days 12 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '12 days 12 hours' + INTERVAL '2 min', 'paid', 72.00, 'EUR', 'web', 'Adyen', NULL, 'd67d8ab4-f4c1-4bf2-2aa3', '10.10.39.193'),
  (40, 7, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 day 12 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 day 12 hours' + INTERVAL '3 min', 'paid', 85.00, 'EUR', 'web', 'Stripe', NULL, 'd645920e-395f-4dad-7bbb', '10.7.40.230'),
  (41, 2, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days 10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days 10 hours' + INTERVAL '2 min', 'paid', 21.00, 'EUR', 'mobile_app', 'Stripe', NULL, '3416a75f-4cea-4109-507c', '10.2.41.17'),
  (42, 11, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days 19 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days 19 hours' + INTERVAL '2 min', 'paid', 31.50, 'EUR', 'web', 'PayPal', NULL, 'a1d0c6e8-3f02-4327-d846', '10.11.42.54'),
  (43, 1, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '6 days 16 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '6 days 16 hours' + INTERVAL '4 min', 'paid', 72.00, 'EUR', 'web', 'Stripe', 'STARS', '17e62166-fc85-46df-a4d1', '10.1.43.91'),
  (44, 17, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '3 days 9 hours', NULL, 'failed', 30.00, 'EUR', 'mobile_app', 'Stripe', NULL, 'f7177163-c833-4ff4-b38f', '10.17.44.128'),
  (45, 12, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '0 days 14 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '0 days 14 hours' + INTERVAL '2 min', 'paid', 128.00, 'EUR', 'phone', 'Adyen', NULL, '6c8349cc-7260-4e62-e3b1', NULL),
  (46, 7, DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days 20 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days 20 hours' + INTERVAL '1 min', 'paid', 90.00, 'EUR', 'mobile_app', 'Stripe', NULL, 'd9d4f495-e875-42e0-75a1', '10.7.46.202'),
  (47, 14, CURRENT_DATE - INTERVAL '18 days' + INTERVAL '11 hours', NULL, 'failed', 180.00, 'EUR', 'web', 'Klarna', NULL, '67c6a1e7-ce56-43d6-fa74', '10.14.47.239'),
  (48, 8, CURRENT_DATE - INTERVAL '8 days' + INTERVAL '13 hours', CURRENT_DATE - INTERVAL '8 days' + INTERVAL '13 hours' + INTERVAL '3 min', 'paid', 148.00, 'EUR', 'web', 'Adyen', NULL, '642e92ef-b794-4173-4881', '10.8.48.26'),
  (49, 3, CURRENT_DATE - INTERVAL '5 days' + INTERVAL '9 hours', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '9 hours' + INTERVAL '2 min', 'paid', 138.60, 'EUR', 'mobile_app', 'PayPal', 'NEON', 'f457c545-a9de-488f-18ec', '10.3.49.63'),
  (50, 13, CURRENT_DATE - INTERVAL '2 days' + INTERVAL '11 hours', NULL, 'pending', 37.00, 'EUR', 'web', 'Stripe', NULL, 'c0c7c76d-30bd-4dca-efc9', '10.13.50.100'),
  (51, 16, CURRENT_DATE - INTERVAL '1 days' + INTERVAL '12 hours', CURRENT_DATE - INTERVAL '1 days' + INTERVAL '12 hours' + INTERVAL '2 min', 'paid', 47.00, 'EUR', 'mobile_app', 'Adyen', NULL, '2838023a-778d-4aec-dc21', '10.16.51.137');

-- order_items
INSERT INTO event_desk.order_items (item_id, order_id, tier_id, quantity, unit_price, scanned_at)
VALUES
  (1, 1, 16, 2, 16.00, '2024-02-09 19:48:00'),
  (2, 2, 17, 4, 13.00, NULL),
  (3, 3, 17, 2, 13.00, NULL),
  (4, 4, 16, 3, 16.00, '2024-02-09 20:10:00'),
  (5, 5, 1, 4, 48.50, '2024-05-18 12:40:00'),
  (6, 5, 2, 1, 128.00, '2024-05-18 12:41:00'),
  (7, 6, 1, 2, 48.50, '2024-05-18 13:22:00'),
  (8, 7, 2, 2, 128.00, NULL),
  (9, 8, 3, 2, 34.50, '2024-05-24 19:05:00'),
  (10, 9, 9, 2, 32.00, '2024-06-12 18:42:00'),
  (11, 10, 5, 2, 30.00, '2024-05-30 19:37:00'),
  (12, 11, 6, 3, 41.00, '2024-06-07 21:15:00'),
  (13, 11, 8, 1, 101.00, '2024-06-07 20:58:00'),
  (14, 12, 6, 2, 41.00, '2024-06-07 21:31:00'),
  (15, 13, 4, 2, 26.00, '2024-05-24 19:20:00'),
  (16, 14, 10, 4, 21.50, '2024-06-12 18:30:00'),
  (17, 15, 11, 3, 240.00, '2024-06-20 08:35:00'),
  (18, 16, 7, 2, 51.00, '2024-06-07 21:02:00'),
  (19, 17, 1, 2, 48.50, NULL),
  (20, 18, 13, 4, 37.50, '2024-06-28 17:25:00'),
  (21, 19, 12, 1, 90.00, '2024-06-20 08:50:00'),
  (22, 20, 6, 1, 41.00, NULL),
  (23, 21, 15, 5, 19.50, '2024-07-14 17:35:00'),
  (24, 22, 15, 2, 19.50, '2024-07-14 18:02:00'),
  (25, 23, 15, 6, 19.50, NULL),
  (26, 24, 19, 1, 150.00, NULL),
  (27, 25, 18, 2, 21.50, '2024-11-30 17:40:00'),
  (28, 26, 18, 3, 21.50, '2024-11-30 17:44:00'),
  (29, 27, 20, 2, 59.00, CURRENT_DATE - INTERVAL '20 days' + INTERVAL '14 hours 20 min'),
  (30, 28, 21, 2, 79.00, CURRENT_DATE - INTERVAL '20 days' + INTERVAL '13 hours 50 min'),
  (31, 29, 22, 3, 38.50, CURRENT_DATE - INTERVAL '6 days' + INTERVAL '17 hours 35 min'),
  (32, 30, 20, 1, 59.00, CURRENT_DATE - INTERVAL '20 days' + INTERVAL '15 hours 5 min'),
  (33, 30, 24, 2, 45.00, NULL),
  (34, 31, 31, 2, 42.50, NULL),
  (35, 32, 31, 2, 42.50, NULL),
  (36, 33, 27, 2, 36.00, NULL),
  (37, 34, 22, 2, 38.50, CURRENT_DATE - INTERVAL '6 days' + INTERVAL '17 hours 55 min'),
  (38, 35, 23, 4, 10.50, NULL),
  (39, 36, 28, 3, 23.50, NULL),
  (40, 37, 27, 1, 36.00, NULL),
  (41, 38, 25, 2, 37.00, NULL),
  (42, 39, 27, 2, 36.00, NULL),
  (43, 40, 31, 2, 42.50, NULL),
  (44, 41, 23, 2, 10.50, CURRENT_DATE - INTERVAL '12 days' + INTERVAL '10 hours 25 min'),
  (45, 42, 23, 3, 10.50, CURRENT_DATE - INTERVAL '12 days' + INTERVAL '11 hours 40 min'),
  (46, 43, 30, 4, 20.00, NULL),
  (47, 44, 29, 2, 15.00, NULL),
  (48, 45, 26, 2, 64.00, NULL),
  (49, 46, 29, 6, 15.00, NULL),
  (50, 47, 24, 4, 45.00, NULL),
  (51, 48, 25, 4, 37.00, NULL),
  (52, 49, 24, 2, 45.00, NULL),
  (53, 49, 26, 1, 64.00, NULL),
  (54, 50, 25, 1, 37.00, NULL),
  (55, 51, 28, 2, 23.50, NULL);

-- payouts
INSERT INTO event_desk.payouts (payout_id, payee_id, payee_type, amount, status, requested_at, settled_at, bank_ref)
VALUES
  (1, 3, 0, 1250.00, 'settled', '2024-02-12 09:00:00', '2024-02-15 09:00:00', 'BK340277'),
  (2, 10, 1, 400.00, 'settled', '2024-02-13 10:30:00', '2024-02-15 10:30:00', 'BK388888'),
  (3, 1, 0, 48200.50, 'settled', '2024-05-21 08:30:00', '2024-05-26 08:30:00', 'BK437499'),
  (4, 5, 1, 9600.00, 'settled', '2024-05-22 12:00:00', '2024-05-26 12:00:00', 'BK486110'),
  (5, 2, 0, 6150.00, 'settled', '2024-05-27 09:15:00', '2024-05-30 09:15:00', 'BK534721'),
  (6, 3, 0, 4980.00, 'rejected', '2024-06-01 11:20:00', NULL, NULL),
  (7, 6, 1, 1200.00, 'settled', '2024-06-03 15:00:00', '2024-06-09 15:00:00', 'BK631943'),
  (8, 4, 0, 7420.25, 'settled', '2024-06-14 09:40:00', '2024-06-18 09:40:00', 'BK680554'),
  (9, 5, 0, 61200.00, 'settled', '2024-06-24 10:05:00', '2024-07-01 10:05:00', 'BK729165'),
  (10, 1, 0, 15300.00, 'settled', '2024-06-11 13:45:00', '2024-06-13 13:45:00', 'BK777776'),
  (11, 6, 0, 88410.00, 'settled', '2024-07-02 09:00:00', '2024-07-07 09:00:00', 'BK826387'),
  (12, 7, 0, 21760.80, 'settled', '2024-07-18 16:30:00', '2024-07-21 16:30:00', 'BK874998'),
  (13, 9, 1, 5400.00, 'rejected', '2024-07-19 10:00:00', NULL, NULL),
  (14, 2, 0, 3875.00, 'settled', '2024-12-03 09:25:00', '2024-12-07 09:25:00', 'BK972220'),
  (15, 1, 0, 9400.00, 'settled', CURRENT_DATE - INTERVAL '112 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '112 days' + INTERVAL '10 hours' + INTERVAL '4 days', 'BK020848'),
  (16, 6, 0, 2750.00, 'settled', CURRENT_DATE - INTERVAL '90 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '90 days' + INTERVAL '10 hours' + INTERVAL '3 days', 'BK069459'),
  (17, 1, 0, 18640.00, 'settled', CURRENT_DATE - INTERVAL '17 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '17 days' + INTERVAL '10 hours' + INTERVAL '3 days', 'BK118070'),
  (18, 4, 1, 3900.00, 'settled', CURRENT_DATE - INTERVAL '16 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '16 days' + INTERVAL '10 hours' + INTERVAL '3 days', 'BK166681'),
  (19, 6, 0, 6320.50, 'settled', CURRENT_DATE - INTERVAL '10 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '10 days' + INTERVAL '10 hours' + INTERVAL '2 days', 'BK215292'),
  (20, 3, 1, 1100.00, 'requested', CURRENT_DATE - INTERVAL '9 days' + INTERVAL '10 hours', NULL, NULL),
  (21, 3, 0, 12875.00, 'requested', CURRENT_DATE - INTERVAL '4 days' + INTERVAL '10 hours', NULL, NULL),
  (22, 1, 1, 7250.00, 'requested', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '10 hours', NULL, NULL),
  (23, 4, 0, 2140.00, 'rejected', CURRENT_DATE - INTERVAL '44 days' + INTERVAL '10 hours', NULL, NULL),
  (24, 2, 0, 5260.00, 'settled', CURRENT_DATE - INTERVAL '133 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '133 days' + INTERVAL '10 hours' + INTERVAL '5 days', 'BK458347'),
  (25, 7, 0, 8900.00, 'settled', CURRENT_DATE - INTERVAL '61 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '61 days' + INTERVAL '10 hours' + INTERVAL '4 days', 'BK506958');

-- tier_stock_snapshot
INSERT INTO event_desk.tier_stock_snapshot (tier_id, snapshot_date, qty_available, qty_held, created_at)
VALUES
  (1, '2024-02-15', 3120, 60, '2024-02-15 00:30:00'),
  (2, '2024-02-15', 168, 10, '2024-02-15 00:30:00'),
  (3, '2024-02-15', 470, 12, '2024-02-15 00:30:00'),
  (4, '2024-02-15', 290, 0, '2024-02-15 00:30:00'),
  (9, '2024-02-20', 590, 6, '2024-02-20 00:30:00'),
  (1, '2024-03-15', 2210, 60, '2024-03-15 00:30:00'),
  (2, '2024-03-15', 96, 10, '2024-03-15 00:30:00'),
  (6, '2024-03-15', 1500, 40, '2024-03-15 00:30:00'),
  (7, '2024-03-15', 400, 8, '2024-03-15 00:30:00'),
  (8, '2024-03-15', 80, 4, '2024-03-15 00:30:00'),
  (5, '2024-04-15', 410, 15, '2024-04-15 00:30:00'),
  (6, '2024-04-15', 930, 40, '2024-04-15 00:30:00'),
  (8, '2024-04-15', 31, 4, '2024-04-15 00:30:00'),
  (11, '2024-04-15', 700, 25, '2024-04-15 00:30:00'),
  (1, '2024-05-01', 640, 45, '2024-05-01 00:30:00'),
  (24, CURRENT_DATE - INTERVAL '7 days', 310, 20, CURRENT_DATE - INTERVAL '7 days' + INTERVAL '30 min'),
  (24, CURRENT_DATE - INTERVAL '3 days', 262, 20, CURRENT_DATE - INTERVAL '3 days' + INTERVAL '30 min'),
  (24, CURRENT_DATE, 215, 15, CURRENT_DATE + INTERVAL '30 min'),
  (25, CURRENT_DATE - INTERVAL '7 days', 1890, 50, CURRENT_DATE - INTERVAL '7 days' + INTERVAL '30 min'),
  (25, CURRENT_DATE - INTERVAL '3 days', 1640, 50, CURRENT_DATE - INTERVAL '3 days' + INTERVAL '30 min'),
  (25, CURRENT_DATE, 1475, 40, CURRENT_DATE + INTERVAL '30 min'),
  (26, CURRENT_DATE - INTERVAL '7 days', 122, 8, CURRENT_DATE - INTERVAL '7 days' + INTERVAL '30 min'),
  (26, CURRENT_DATE, 97, 8, CURRENT_DATE + INTERVAL '30 min'),
  (27, CURRENT_DATE - INTERVAL '6 days', 402, 10, CURRENT_DATE - INTERVAL '6 days' + INTERVAL '30 min'),
  (27, CURRENT_DATE, 377, 10, CURRENT_DATE + INTERVAL '30 min'),
  (28, CURRENT_DATE - INTERVAL '6 days', 240, 0, CURRENT_DATE - INTERVAL '6 days' + INTERVAL '30 min'),
  (28, CURRENT_DATE - INTERVAL '1 day', 231, 0, CURRENT_DATE - INTERVAL '1 day' + INTERVAL '30 min'),
  (29, CURRENT_DATE - INTERVAL '5 days', 3700, 100, CURRENT_DATE - INTERVAL '5 days' + INTERVAL '30 min'),
  (29, CURRENT_DATE, 3512, 100, CURRENT_DATE + INTERVAL '30 min'),
  (33, CURRENT_DATE - INTERVAL '5 days', 702, 30, CURRENT_DATE - INTERVAL '5 days' + INTERVAL '30 min'),
  (33, CURRENT_DATE, 640, 30, CURRENT_DATE + INTERVAL '30 min'),
  (31, CURRENT_DATE - INTERVAL '8 days', 14, 6, CURRENT_DATE - INTERVAL '8 days' + INTERVAL '30 min'),
  (31, CURRENT_DATE - INTERVAL '4 days', 0, 6, CURRENT_DATE - INTERVAL '4 days' + INTERVAL '30 min'),
  (20, CURRENT_DATE - INTERVAL '30 days', 210, 30, CURRENT_DATE - INTERVAL '30 days' + INTERVAL '30 min'),
  (20, CURRENT_DATE - INTERVAL '22 days', 48, 12, CURRENT_DATE - INTERVAL '22 days' + INTERVAL '30 min'),
  (22, CURRENT_DATE - INTERVAL '9 days', 2600, 75, CURRENT_DATE - INTERVAL '9 days' + INTERVAL '30 min'),
  (22, CURRENT_DATE, 0, 0, CURRENT_DATE + INTERVAL '30 min');
