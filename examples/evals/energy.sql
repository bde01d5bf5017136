-- A regional utility for electricity, gas and water: customers, contracts, meters and their readings, bills, payments, outages,
-- technicians and service cases. Some codes are explained in comments, some foreign keys are not declared (meter, meter_reading,
-- payment). A customer's post may go to another town than the one that is supplied. Rows are made by draws from MD5, the same on
-- every server. Dates are relative to the day of loading, except tariffs, staff and the older contracts.
-- The columns with time zone are in UTC.
SET TIME ZONE 'UTC';

CREATE TABLE customer (
  customer_no int PRIMARY KEY,
  cust_type char(2) NOT NULL,
  full_name varchar(60) NOT NULL,
  postal_town varchar(30) NOT NULL,
  email varchar(60),
  lang_cd char(2) NOT NULL, -- en, fr, pl
  paper_bill boolean NOT NULL,
  marketing_ok boolean, -- NULL when never asked
  dunning_lvl smallint NOT NULL,
  registered_on date NOT NULL
);
COMMENT ON COLUMN customer.cust_type IS 'HH = household, BU = business, PA = public authority';
COMMENT ON COLUMN customer.postal_town IS 'Where letters go, not where energy or water is supplied';
COMMENT ON COLUMN customer.dunning_lvl IS '0 = none, 1 = reminded, 2 = final notice, 3 = with the collection agency';

CREATE TABLE tariff (
  tariff_cd varchar(8) PRIMARY KEY,
  tariff_name varchar(40) NOT NULL,
  commodity char(1) NOT NULL,
  base_fee numeric(8,2) NOT NULL, -- of a month
  unit_price numeric(8,4) NOT NULL,
  unit varchar(4) NOT NULL, -- kWh, m3
  is_green boolean NOT NULL,
  offered_from date NOT NULL,
  offered_until date -- NULL while on offer
);
COMMENT ON COLUMN tariff.commodity IS 'E = electricity, G = gas, W = water';
COMMENT ON COLUMN tariff.base_fee IS 'Fixed charge per month, net';

CREATE TABLE contract (
  contract_id int PRIMARY KEY,
  customer_no int NOT NULL REFERENCES customer,
  tariff_cd varchar(8) NOT NULL REFERENCES tariff,
  supply_street varchar(40) NOT NULL,
  supply_town varchar(30) NOT NULL,
  grid_zone varchar(3) NOT NULL,
  signed_on date NOT NULL,
  supply_from date NOT NULL,
  supply_until date, -- NULL until terminated
  state smallint NOT NULL,
  end_reason varchar(12), -- moved, switched, deceased, unpaid; NULL unless ended
  instalment numeric(8,2) NOT NULL, -- paid in advance each month
  pay_via char(2) NOT NULL,
  sales_chn varchar(6) -- web, phone, shop, door; NULL when unknown
);
COMMENT ON COLUMN contract.state IS '10 = signed, supply not yet begun; 20 = running; 30 = suspended; 90 = ended';
COMMENT ON COLUMN contract.pay_via IS 'DD = direct debit, TR = bank transfer, CA = cash at the counter';

CREATE TABLE meter (
  meter_no varchar(10) PRIMARY KEY,
  contract_id int NOT NULL,
  meter_type char(3) NOT NULL,
  manufacturer varchar(20) NOT NULL,
  installed_on date NOT NULL,
  removed_on date, -- NULL while in place
  calib_until date, -- NULL when not recorded
  placed_in varchar(12) -- cellar, hallway, cabinet, pit, flat
);
COMMENT ON COLUMN meter.meter_type IS 'ANA = analogue, SMA = smart, PRE = prepayment';

CREATE TABLE meter_reading (
  reading_id int PRIMARY KEY,
  meter_no varchar(10) NOT NULL,
  read_on date NOT NULL,
  reg_value numeric(12,1) NOT NULL,
  used_qty numeric(10,1),
  source char(1) NOT NULL,
  plausible boolean -- NULL while not checked
);
COMMENT ON COLUMN meter_reading.reg_value IS 'What the register showed';
COMMENT ON COLUMN meter_reading.used_qty IS 'Consumption since the reading before, in the unit of the tariff; NULL for the first';
COMMENT ON COLUMN meter_reading.source IS 'R = remote, C = told by the customer, T = technician, E = estimated';

CREATE TABLE bill (
  bill_no varchar(8) PRIMARY KEY,
  contract_id int NOT NULL REFERENCES contract,
  bill_kind char(1) NOT NULL,
  period_from date NOT NULL,
  period_to date NOT NULL,
  issued_on date NOT NULL,
  due_on date NOT NULL,
  net_amt numeric(10,2) NOT NULL,
  vat_amt numeric(10,2) NOT NULL,
  bill_state char(2) NOT NULL
);
COMMENT ON COLUMN bill.bill_kind IS 'Q = quarterly, F = final, C = credit note (negative amounts)';
COMMENT ON COLUMN bill.bill_state IS 'OP = open, PD = paid, CX = cancelled';

CREATE TABLE payment (
  payment_id int PRIMARY KEY,
  bill_no varchar(8), -- NULL when it could not be assigned to a bill
  booked_on date NOT NULL,
  amount numeric(10,2) NOT NULL,
  method char(2) NOT NULL,
  returned_on date
);
COMMENT ON COLUMN payment.method IS 'DD = direct debit, TR = bank transfer, CA = cash at the counter';
COMMENT ON COLUMN payment.returned_on IS 'When the bank returned the payment; NULL for money that we kept';

CREATE TABLE outage (
  outage_id int PRIMARY KEY,
  grid_zone varchar(3) NOT NULL,
  commodity char(1) NOT NULL, -- as of the tariffs
  planned boolean NOT NULL,
  cause_cd varchar(3), -- NULL when not found out
  began_at timestamp with time zone NOT NULL,
  restored_at timestamp with time zone, -- NULL while it lasts
  customers_hit int NOT NULL
);
COMMENT ON COLUMN outage.cause_cd IS 'STO = storm, DIG = digging, EQP = failed equipment, OVL = overload, MNT = maintenance';

CREATE TABLE technician (
  technician_id int PRIMARY KEY,
  tech_name varchar(40) NOT NULL,
  depot varchar(20) NOT NULL,
  trade char(1) NOT NULL, -- as the commodities
  supervisor_id int REFERENCES technician,
  hired_on date NOT NULL,
  left_on date, -- NULL while employed
  hourly_cost numeric(6,2) NOT NULL
);

CREATE TABLE service_case (
  case_id int PRIMARY KEY,
  contract_id int NOT NULL REFERENCES contract,
  case_kind char(3) NOT NULL,
  subject varchar(60),
  channel varchar(6) NOT NULL, -- phone, mail, portal, shop
  opened_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone, -- NULL while open
  technician_id int REFERENCES technician, -- NULL when nobody has to go there
  visit_on date, -- NULL without a visit; may lie ahead
  visit_mins smallint, -- NULL until the visit has taken place
  rating smallint, -- 1 (worst) to 5, NULL when not given
  goodwill numeric(8,2) -- paid to the customer
);
COMMENT ON COLUMN service_case.case_kind IS 'CPL = complaint, MTR = meter exchange, LEK = suspected leak, DIS = disconnection, INQ = inquiry';
COMMENT ON COLUMN service_case.visit_mins IS 'Minutes that the technician was there';

-- A whole number from 0 to below n that depends on the seed alone.
CREATE FUNCTION pg_temp.draw(seed text, n int) RETURNS int IMMUTABLE LANGUAGE sql
AS 'SELECT (''x'' || substr(md5(seed), 1, 7))::bit(28)::int % n';
-- One of the values, of which those named more often come more often.
CREATE FUNCTION pg_temp.choose(seed text, choices text) RETURNS text IMMUTABLE LANGUAGE sql
AS 'SELECT (string_to_array(choices, ''|''))[1 + pg_temp.draw(seed, cardinality(string_to_array(choices, ''|'')))]';

INSERT INTO tariff (tariff_cd, tariff_name, commodity, base_fee, unit_price, unit, is_green, offered_from, offered_until) VALUES
('E-BAS','Home Current','E',9.50,0.3120,'kWh',false,'2016-01-01',NULL),
('E-GRN','Home Current Green','E',10.90,0.3290,'kWh',true,'2018-04-01',NULL),
('E-NGT','Night Saver','E',12.40,0.2680,'kWh',false,'2012-01-01','2024-06-30'),
('E-HPU','Heat Pump','E',11.20,0.2490,'kWh',true,'2021-10-01',NULL),
('E-BUS','Trade Current','E',24.00,0.2870,'kWh',false,'2015-01-01',NULL),
('E-DYN','Flex Hour','E',7.90,0.2950,'kWh',true,'2025-02-01',NULL),
('G-BAS','Home Gas','G',13.50,0.1080,'kWh',false,'2014-01-01',NULL),
('G-BIO','Home Gas Bio 20','G',14.90,0.1210,'kWh',true,'2020-03-01',NULL),
('G-BUS','Trade Gas','G',31.00,0.0960,'kWh',false,'2014-01-01',NULL),
('G-OLD','Gas Classic 2010','G',11.00,0.1150,'kWh',false,'2010-01-01','2017-12-31'),
('W-STD','Drinking Water','W',6.80,2.1400,'m3',false,'2009-01-01',NULL),
('W-GDN','Garden Water','W',3.20,1.4500,'m3',false,'2013-05-01',NULL),
('W-IND','Process Water','W',48.00,1.7200,'m3',false,'2011-01-01',NULL);

INSERT INTO technician (technician_id, tech_name, depot, trade, supervisor_id, hired_on, left_on, hourly_cost) VALUES
(301,'Marta Lindqvist','Brackwater','E',NULL,'2006-03-01',NULL,61.50),
(302,'Owen Pryce','Brackwater','E',301,'2012-09-01',NULL,52.00),
(303,'Tomasz Wilk','Brackwater','E',301,'2017-05-15',NULL,48.50),
(304,'Aisha Rahman','Dunmere','E',301,'2019-02-01',NULL,47.00),
(305,'Jules Carpentier','Dunmere','G',NULL,'2009-11-01',NULL,59.00),
(306,'Nora Fitzgerald','Brackwater','G',305,'2015-04-01',NULL,50.50),
(307,'Piet van Rijn','Corley','G',305,'2020-08-01',NULL,46.00),
(308,'Sunniva Dahl','Corley','W',NULL,'2008-01-15',NULL,57.50),
(309,'Ravi Menon','Brackwater','W',308,'2014-06-01',NULL,49.00),
(310,'Keziah Brown','Dunmere','W',308,'2018-10-01',NULL,46.50),
(311,'Luca Moretti','Corley','W',308,'2022-03-01',NULL,43.00),
(312,'Helen O''Shea','Corley','E',301,'2021-07-01',NULL,44.50),
(313,'Bartek Nowak','Dunmere','G',305,'2013-02-01','2023-09-30',51.00),
(314,'Ines Duarte','Brackwater','E',302,'2016-01-01','2024-05-31',48.00),
(315,'Colm Byrne','Dunmere','W',310,'2023-11-01',NULL,41.50),
(316,'Yusuf Aydin','Corley','G',307,'2024-02-01',NULL,42.00);

INSERT INTO customer
SELECT 20000 + i, kind,
  CASE kind
    WHEN 'HH' THEN pg_temp.choose('first' || i, 'Ada|Bruno|Celia|Dmitri|Elsie|Farid|Greta|Hugo|Iris|Jonas|Klara|Leon|Mona|Nils|Olive|Pavel')
      || ' ' || pg_temp.choose('last' || i, 'Ashdown|Bielak|Cotter|Delorme|Eastman|Faulkner|Gorski|Hollis|Imrie|Jansen|Kowal|Leroux|Marsh|Nye|'
        'O''Dell|Pike|Quill|Rowan|Sauvage')
    WHEN 'BU' THEN pg_temp.choose('last' || i, 'Ashdown|Bielak|Cotter|Delorme|Faulkner|Gorski|Hollis|Jansen|Kowal|Marsh|Pike|Rowan')
      || ' ' || pg_temp.choose('firm' || i, 'Bakery|Joinery|Motors|Foods Ltd|Laundry|Brewing|Plastics Ltd|& Sons|Farm')
    ELSE pg_temp.choose('body' || i, 'Primary School|Town Hall|Swimming Pool|Fire Station|Library|Care Home') || ' '
      || pg_temp.choose('btown' || i, 'Aldbury|Brackwater|Corley|Dunmere|Eastholt|Fernhill')
  END,
  pg_temp.choose('post' || i, 'Brackwater|Brackwater|Brackwater|Aldbury|Corley|Corley|Dunmere|Dunmere|Eastholt|Fernhill|Grantley|Port Selby'),
  CASE WHEN pg_temp.draw('mail' || i, 100) < 71 THEN
    'c' || i || '@' || pg_temp.choose('host' || i, 'postbox.example|mail.example|Postbox.example|letters.example') END,
  pg_temp.choose('lang' || i, 'en|en|en|en|en|en|fr|fr|pl'),
  pg_temp.draw('paper' || i, 100) < 38,
  CASE WHEN pg_temp.draw('ask' || i, 100) < 76 THEN pg_temp.draw('ok' || i, 100) < 45 END,
  pg_temp.choose('dun' || i, '0|0|0|0|0|0|0|0|0|1|1|2|3')::smallint,
  DATE '2010-01-01' + pg_temp.draw('reg' || i, 3280)
FROM (SELECT i, pg_temp.choose('kind' || i, 'HH|HH|HH|HH|HH|HH|HH|BU|BU|PA') AS kind FROM generate_series(1, 240) AS i) AS made;

INSERT INTO contract
SELECT 50000 + i, customer_no,
  CASE cust_type
    WHEN 'HH' THEN pg_temp.choose('tar' || i, 'E-BAS|E-BAS|E-BAS|E-BAS|E-BAS|E-GRN|E-GRN|E-GRN|E-NGT|E-HPU|G-BAS|G-BAS|G-BAS|G-BIO|W-STD|W-STD|'
      'W-STD|W-STD|W-GDN')
    ELSE pg_temp.choose('tar' || i, 'E-BUS|E-BUS|E-BUS|E-BUS|E-GRN|G-BUS|G-BUS|G-BIO|W-STD|W-STD|W-IND')
  END,
  pg_temp.choose('street' || i, 'Mill Lane|Station Road|Quay Street|Church Hill|Orchard Way|Foundry Row|The Green|Weir Path') || ' ' || 1 + pg_temp.draw('house' || i, 140),
  town,
  CASE town
    WHEN 'Brackwater' THEN pg_temp.choose('zone' || i, 'N1|N1|N2')
    WHEN 'Aldbury' THEN 'N2' WHEN 'Corley' THEN 'E1' WHEN 'Eastholt' THEN 'E1' WHEN 'Dunmere' THEN 'S1' WHEN 'Fernhill' THEN 'S2' ELSE 'W1'
  END,
  signed_on,
  CASE WHEN state = 10 THEN CURRENT_DATE + 4 + pg_temp.draw('from' || i, 50)
    WHEN fresh THEN LEAST(signed_on + 8 + pg_temp.draw('from' || i, 35), CURRENT_DATE - 2)
    ELSE signed_on + 8 + pg_temp.draw('from' || i, 35) END,
  CASE WHEN state = 90 THEN LEAST(signed_on + 190 + pg_temp.draw('until' || i, 330), CURRENT_DATE - 12) END,
  state,
  CASE WHEN state = 90 THEN pg_temp.choose('end' || i, 'moved|moved|moved|switched|switched|deceased|unpaid') END,
  (CASE cust_type WHEN 'HH' THEN 35 ELSE 160 END) + 5 * pg_temp.draw('inst' || i, 30),
  pg_temp.choose('via' || i, 'DD|DD|DD|DD|DD|TR|TR|TR|CA'),
  NULLIF(pg_temp.choose('chn' || i, 'web|web|web|web|phone|phone|phone|shop|shop|door|'), '')
FROM (
  SELECT i, customer_no, cust_type, state, fresh OR state = 10 AS fresh,
    pg_temp.choose('town' || i, 'Brackwater|Brackwater|Brackwater|Brackwater|Corley|Corley|Corley|Dunmere|Dunmere|Dunmere|Aldbury|Aldbury|'
      'Eastholt|Fernhill|Fernhill|Grantley') AS town,
    CASE WHEN state = 10 THEN CURRENT_DATE - 1 - pg_temp.draw('sign' || i, 45)
      WHEN fresh THEN CURRENT_DATE - 20 - pg_temp.draw('sign' || i, 520)
      ELSE DATE '2019-02-01' + pg_temp.draw('sign' || i, 2150) END AS signed_on
  FROM (
    SELECT i, 20001 + pg_temp.draw('who' || i, 224) AS customer_no, state, state <> 90 AND pg_temp.draw('fresh' || i, 100) < 42 AS fresh
    FROM (
      SELECT i, pg_temp.choose('state' || i, '20|20|20|20|20|20|20|20|20|20|20|20|30|10|90|90|90')::smallint AS state
      FROM generate_series(1, 430) AS i
    ) AS drawn
  ) AS dated
  JOIN customer USING (customer_no)
) AS made;

-- The meter of today, and for some contracts the one that it replaced.
INSERT INTO meter
SELECT commodity || 700000 + 2 * (contract_id - 50000) + old, contract_id,
  CASE WHEN old = 1 THEN 'ANA'
    WHEN commodity = 'E' THEN pg_temp.choose('mt' || contract_id, 'SMA|SMA|SMA|SMA|ANA|ANA|ANA|PRE')
    ELSE pg_temp.choose('mt' || contract_id, 'SMA|SMA|ANA|ANA|ANA|ANA') END,
  pg_temp.choose('make' || contract_id || '-' || old, 'Elstra|Elstra|Elstra|Elstra|Metrix|Metrix|Metrix|Hydrotal|Hydrotal|Kamp & Voss|Norvolt|Norvolt'),
  CASE WHEN old = 1 THEN supply_from - 300 - pg_temp.draw('inst' || contract_id, 2400)
    WHEN replaced THEN swapped ELSE supply_from - 5 * pg_temp.draw('inst' || contract_id, 400) END,
  CASE WHEN old = 1 THEN swapped WHEN state = 90 AND pg_temp.draw('rem' || contract_id, 100) < 60 THEN supply_until + 1 END,
  CASE WHEN pg_temp.draw('cal' || contract_id || '-' || old, 100) < 88 THEN CURRENT_DATE - 400 + pg_temp.draw('cald' || contract_id || '-' || old, 2600) END,
  NULLIF(pg_temp.choose('in' || contract_id, 'cellar|cellar|cellar|hallway|hallway|cabinet|pit|flat|'), '')
FROM (
  SELECT contract_id, supply_from, supply_until, state, t.commodity, pg_temp.draw('swap' || contract_id, 100) < 19 AS replaced,
    supply_from + 1 + pg_temp.draw('swapd' || contract_id, LEAST(COALESCE(supply_until, CURRENT_DATE) - supply_from - 1, 500)) AS swapped
  FROM contract JOIN tariff AS t USING (tariff_cd)
  WHERE state <> 10 AND COALESCE(supply_until, CURRENT_DATE) - supply_from > 1
) AS made
CROSS JOIN generate_series(0, 1) AS old
WHERE old = 0 OR replaced;

INSERT INTO meter_reading
SELECT 900000 + row_number() OVER (ORDER BY meter_no, read_on), meter_no, read_on,
  first_value + sum(CASE WHEN nth = 1 THEN 0 ELSE used END) OVER (PARTITION BY meter_no ORDER BY read_on),
  CASE WHEN nth > 1 THEN used END, source,
  CASE WHEN pg_temp.draw('chk' || seed, 100) < 86 THEN pg_temp.draw('pls' || seed, 100) >= CASE source WHEN 'C' THEN 17 WHEN 'R' THEN 4 ELSE 9 END END
FROM (
  SELECT m.meter_no, read_on, m.meter_no || '-' || k AS seed, row_number() OVER (PARTITION BY m.meter_no ORDER BY read_on) AS nth,
    10.0 * pg_temp.draw('base' || m.meter_no, 4000) AS first_value,
    round((CASE WHEN u.cust_type = 'HH' THEN 1 ELSE 4 END) * (CASE left(m.meter_no, 1) WHEN 'E' THEN 380 WHEN 'G' THEN 1400 ELSE 14 END)
      * (100 + pg_temp.draw('use' || m.meter_no || '-' || k, 230)) / 100.0, 1) AS used,
    CASE WHEN m.meter_type = 'SMA' THEN pg_temp.choose('src' || m.meter_no || '-' || k, 'R|R|R|R|R|R|R|E')
      ELSE pg_temp.choose('src' || m.meter_no || '-' || k, 'C|C|C|C|T|T|E|E') END AS source
  FROM meter AS m
  JOIN contract AS c USING (contract_id)
  JOIN customer AS u USING (customer_no)
  CROSS JOIN generate_series(0, 3) AS k
  CROSS JOIN LATERAL (
    SELECT COALESCE(m.removed_on, CURRENT_DATE - 2 - pg_temp.draw('last' || m.meter_no, 80)) - 91 * k - pg_temp.draw('day' || m.meter_no || '-' || k, 12) AS read_on
  ) AS dated
  WHERE read_on >= m.installed_on AND pg_temp.draw('never' || m.meter_no, 100) < 93
) AS made;

INSERT INTO bill
SELECT 'R' || 100000 + row_number() OVER (ORDER BY issued_on, contract_id, kind), contract_id, kind, GREATEST(issued_on - 98, supply_from), issued_on - 8, issued_on,
  issued_on + CASE cust_type WHEN 'HH' THEN 14 ELSE 30 END, net, round(net * CASE commodity WHEN 'W' THEN 0.05 ELSE 0.20 END, 2),
  CASE WHEN pg_temp.draw('cx' || contract_id || issued_on - CURRENT_DATE || kind, 100) < 6 THEN 'CX' ELSE 'OP' END
FROM (
  SELECT contract_id, kind, issued_on, supply_from, cust_type, commodity,
    CASE kind WHEN 'C' THEN -10.00 - pg_temp.draw('cred' || contract_id, 9000) / 100.0
      ELSE round(3 * base_fee + unit_price * (CASE WHEN cust_type = 'HH' THEN 1 ELSE 4 END) * (CASE commodity WHEN 'E' THEN 380 WHEN 'G' THEN 1400 ELSE 14 END)
        * (100 + pg_temp.draw('net' || contract_id || kind || k, 230)) / 100.0, 2) END AS net
  FROM (
    SELECT contract_id, customer_no, tariff_cd, 'Q' AS kind, k, CURRENT_DATE - 3 - pg_temp.draw('cyc' || contract_id, 88) - 91 * k AS issued_on, supply_from
    FROM contract CROSS JOIN generate_series(0, 3) AS k WHERE state IN (20, 30)
    UNION ALL
    SELECT contract_id, customer_no, tariff_cd, 'F', 0, LEAST(supply_until + 14 + pg_temp.draw('fin' || contract_id, 25), CURRENT_DATE - 1), supply_from
    FROM contract WHERE state = 90
    UNION ALL
    SELECT contract_id, customer_no, tariff_cd, 'C', 0, CURRENT_DATE - 2 - pg_temp.draw('cdate' || contract_id, 300), supply_from
    FROM contract WHERE state IN (20, 30) AND pg_temp.draw('credit' || contract_id, 100) < 11
  ) AS dated
  JOIN customer USING (customer_no)
  JOIN tariff USING (tariff_cd)
  WHERE issued_on >= supply_from + 30
) AS made;

-- Most bills are paid at once, some in two parts; some direct debits come back and are paid again by transfer.
INSERT INTO payment
SELECT 400000 + row_number() OVER (ORDER BY booked_on, bill_no, part), bill_no, booked_on, amount, method,
  CASE WHEN back THEN LEAST(booked_on + 2 + pg_temp.draw('ret' || bill_no, 5), CURRENT_DATE - 1) END
FROM (
  SELECT bill_no, part, back AND part = 1 AS back,
    issued_on + 6 + pg_temp.draw('pay' || bill_no, 30) + CASE part WHEN 1 THEN 0 ELSE 9 + pg_temp.draw('again' || bill_no, 40) END AS booked_on,
    CASE WHEN back OR NOT halves THEN gross WHEN part = 1 THEN round(gross * 0.4, 2) ELSE gross - round(gross * 0.4, 2) END AS amount,
    CASE WHEN back AND part = 2 THEN 'TR' WHEN pg_temp.draw('other' || bill_no, 100) < 6 THEN 'TR' ELSE pay_via END AS method
  FROM (
    SELECT b.bill_no, b.issued_on, b.net_amt + b.vat_amt AS gross, c.pay_via, pg_temp.draw('halves' || b.bill_no, 100) < 13 AS halves,
      c.pay_via = 'DD' AND pg_temp.draw('back' || b.bill_no, 100) < 11 AND pg_temp.draw('other' || b.bill_no, 100) >= 6 AS back
    FROM bill AS b JOIN contract AS c USING (contract_id)
    WHERE b.bill_state = 'OP' AND b.bill_kind <> 'C' AND pg_temp.draw('paid' || b.bill_no, 100) < 88
  ) AS due
  CROSS JOIN generate_series(1, 2) AS part
  WHERE part = 1 OR halves OR back AND pg_temp.draw('redo' || bill_no, 100) < 60
) AS made
WHERE booked_on < CURRENT_DATE;

INSERT INTO payment
SELECT 490000 + i, NULL, CURRENT_DATE - 2 - pg_temp.draw('stray' || i, 330), 20 + pg_temp.draw('stray amount' || i, 30000) / 100.0, 'TR', NULL
FROM generate_series(1, 14) AS i;

UPDATE bill SET bill_state = 'PD'
WHERE bill_state = 'OP' AND net_amt + vat_amt <= (
  SELECT COALESCE(sum(amount), 0) FROM payment WHERE payment.bill_no = bill.bill_no AND returned_on IS NULL
);

INSERT INTO outage
SELECT 7000 + i, zone, pg_temp.choose('com' || i, 'E|E|E|E|E|W|W|G'), planned,
  CASE WHEN planned THEN 'MNT' ELSE NULLIF(pg_temp.choose('cause' || i, 'STO|STO|STO|STO|DIG|DIG|DIG|EQP|EQP|EQP|EQP|OVL|'), '') END, began_at,
  CASE WHEN i > 3 THEN began_at + INTERVAL '1 minute' * (12 + pg_temp.draw('last' || i, 340) + CASE WHEN pg_temp.draw('long' || i, 10) = 0 THEN 400 ELSE 0 END) END,
  4 + pg_temp.draw('hit' || i, 240) * (1 + pg_temp.draw('big' || i, 8))
FROM (
  SELECT i, pg_temp.choose('ozone' || i, 'N1|N1|N1|N2|N2|E1|E1|E1|E1|S1|S1|S2|W1|W1|W1') AS zone, i > 3 AND pg_temp.draw('plan' || i, 100) < 27 AS planned,
    CURRENT_DATE - CASE WHEN i <= 3 THEN 1 ELSE 2 + pg_temp.draw('oday' || i, 620) END
      + INTERVAL '1 minute' * (pg_temp.draw('omin' || i, 1400)) AS began_at
  FROM generate_series(1, 260) AS i
) AS made;

INSERT INTO service_case
SELECT case_id, contract_id, case_kind, subject, channel, opened_at, closed_at, technician_id, visit_on,
  CASE WHEN visit_on < CURRENT_DATE THEN 10 + pg_temp.draw('mins' || case_id, 150) END,
  CASE WHEN closed_at IS NOT NULL AND pg_temp.draw('rated' || case_id, 100) < 47 THEN pg_temp.choose('stars' || case_id, '1|1|2|2|3|3|4|4|4|5|5')::smallint END,
  CASE WHEN case_kind = 'CPL' AND closed_at IS NOT NULL AND pg_temp.draw('good' || case_id, 100) < 22 THEN 5 * (1 + pg_temp.draw('gift' || case_id, 24)) END
FROM (
  SELECT case_id, contract_id, case_kind, channel, opened_at,
    CASE case_kind
      WHEN 'CPL' THEN NULLIF(pg_temp.choose('subj' || case_id, 'Bill too high|Bill too high after estimated reading|ESTIMATED READING WRONG|'
        'Estimate disputed|Meter was estimated although I sent a photo|Late bill|Technician did not come|technician came late|Power flickers|'
        'Brown water|Low pressure|Refund missing|Rude on the phone|'), '')
      WHEN 'INQ' THEN pg_temp.choose('subj' || case_id, 'Change of bank account|Moving house|Asks for an estimate of yearly use|Green tariff|'
        'Copy of a bill|Instalment plan')
      WHEN 'LEK' THEN pg_temp.choose('subj' || case_id, 'Smell of gas|Damp cellar wall|Water on the pavement|Meter keeps turning')
      WHEN 'MTR' THEN pg_temp.choose('subj' || case_id, 'Smart meter rollout|Calibration ended|Display dark|Register stuck')
      ELSE pg_temp.choose('subj' || case_id, 'Unpaid bills|Vacant flat|Demolition') END AS subject,
    CASE WHEN pg_temp.draw('open' || case_id, 100) >= 14 AND opened_at + wait < CURRENT_DATE THEN opened_at + wait END AS closed_at,
    CASE WHEN field THEN
      CASE WHEN opened_at < '2023-09-01' THEN 313
        WHEN days < 75 THEN pg_temp.choose('tech' || case_id, '302|302|302|303|303|304|305|306|306|307|308|309|309|309|309|310|310|311')::int
        ELSE pg_temp.choose('tech' || case_id, '301|302|302|303|303|303|304|305|306|306|307|308|309|309|309|310|311|312|312')::int END END AS technician_id,
    CASE WHEN field THEN opened_at::date + 1 + pg_temp.draw('visit' || case_id, 24) END AS visit_on
  FROM (
    SELECT case_id, 50001 + pg_temp.draw('ccon' || case_id, 430) AS contract_id, case_kind, days,
      pg_temp.choose('cch' || case_id, 'phone|phone|phone|phone|mail|mail|portal|portal|portal|shop') AS channel,
      CURRENT_DATE - days + INTERVAL '1 minute' * (400 + pg_temp.draw('cmin' || case_id, 800)) AS opened_at,
      INTERVAL '1 hour' * (3 + pg_temp.draw('wait' || case_id, 560)) AS wait,
      case_kind IN ('MTR', 'LEK', 'DIS') OR case_kind = 'CPL' AND pg_temp.draw('field' || case_id, 100) < 24 AS field
    FROM (
      SELECT 80000 + i AS case_id, pg_temp.choose('ck' || i, 'CPL|CPL|CPL|CPL|CPL|MTR|MTR|MTR|LEK|LEK|DIS|INQ|INQ|INQ') AS case_kind,
        1 + pg_temp.draw('cday' || i, 180) * (1 + pg_temp.draw('cfar' || i, 3)) AS days
      FROM generate_series(1, 620) AS i
    ) AS drawn
  ) AS dated
) AS made;
