-- A chain of fitness studios: members, plans, coaches, sessions and their bookings, payments.
-- Every column carries the prefix of its table, in mixed case; no foreign key is declared. Check-in times are strings.
-- Dates are relative to the day of loading, except studios, plans, coaches, most members, and what is of 2022 to 2024.
SET TIME ZONE 'UTC';

-- Reference tables
CREATE TABLE kfStudio (
  kfStdId varchar(10) PRIMARY KEY,
  kfStdName varchar(60) NOT NULL,
  kfStdCity varchar(50) NOT NULL,
  kfStdState varchar(2) NOT NULL,
  kfStdRegCd varchar(2), -- 2 letter region code: NE, NW, SO, MW
  kfStdOpenedOn date,
  kfStdSqFt integer,
  kfStdIsOpen boolean NOT NULL
);

CREATE TABLE kfPlan (
  kfPlnId varchar(10) PRIMARY KEY,
  kfPlnName varchar(60) NOT NULL,
  kfPlnTier varchar(20) NOT NULL, -- possible values: basic, plus, premium, pack
  kfPlnFee numeric(10,2) NOT NULL, -- list price per month
  kfPlnTermMon integer NOT NULL, -- minimum term in months, 0 for packs
  kfPlnCcy varchar(3) NOT NULL,
  kfPlnIsActive boolean NOT NULL
);

CREATE TABLE kfMember (
  kfMbrId varchar(10) PRIMARY KEY,
  kfMbrName varchar(100) NOT NULL,
  kfMbrEmail varchar(100) NOT NULL,
  kfMbrPhone varchar(20),
  kfMbrStreet varchar(200),
  kfMbrCity varchar(50),
  kfMbrState varchar(2),
  kfMbrZip varchar(10),
  kfMbrStdId varchar(10), -- home studio
  kfMbrDob date,
  kfMbrJoinDate date NOT NULL,
  kfMbrStatus varchar(20) NOT NULL -- possible values: active, frozen, lapsed, cancelled
);

CREATE TABLE kfCoach (
  kfCchId varchar(10) PRIMARY KEY,
  kfCchName varchar(100) NOT NULL,
  kfCchEmail varchar(100),
  kfCchStdId varchar(10) NOT NULL,
  kfCchSpec varchar(40) NOT NULL,
  kfCchRate numeric(8,2) NOT NULL, -- hourly pay
  kfCchHireDate date NOT NULL,
  kfCchCertNo varchar(20),
  kfCchIsActive boolean NOT NULL
);

-- Activity tables
CREATE TABLE kfSession (
  kfSesId varchar(10) PRIMARY KEY,
  kfSesTitle varchar(60) NOT NULL,
  kfSesType varchar(20) NOT NULL, -- possible values: yoga, spin, hiit, pilates, strength
  kfSesStdId varchar(10) NOT NULL,
  kfSesCchId varchar(10) NOT NULL,
  kfSesStartTs timestamp NOT NULL,
  kfSesEndTs timestamp NOT NULL,
  kfSesCap integer NOT NULL, -- places on offer
  kfSesRmx varchar(10), -- room code
  kfSesStatus varchar(20) NOT NULL -- possible values: scheduled, held, cancelled
);

CREATE TABLE kfBooking (
  kfBkgId varchar(10) PRIMARY KEY,
  kfBkgMbrId varchar(10) NOT NULL,
  kfBkgSesId varchar(10) NOT NULL,
  kfBkgMadeAt timestamp NOT NULL,
  kfBkgChannel varchar(10), -- possible values: app, web, desk
  kfBkgStatus varchar(20) NOT NULL, -- possible values: booked, attended, noshow, cancelled
  kfBkgCheckInStr varchar(25), -- check-in time as string in yyyyMMdd HH:mm:ss format. NULL if the member did not turn up
  kfBkgStars integer -- 1 to 5, NULL if not rated
);

CREATE TABLE kfPayment (
  kfPayId varchar(12) PRIMARY KEY,
  kfPayMbrId varchar(10) NOT NULL,
  kfPayPlnId varchar(10) NOT NULL,
  kfPayTs timestamp NOT NULL,
  kfPayAmt numeric(10,2) NOT NULL, -- gross amount, tax included
  kfPayTax numeric(10,2) NOT NULL,
  kfPayFee numeric(10,2) NOT NULL, -- processor fee
  kfPayMethod varchar(10) NOT NULL, -- possible values: card, ach, cash, voucher
  kfPayGwx varchar(12), -- gateway reference
  kfPayStatus varchar(10) NOT NULL -- possible values: paid, failed, refunded
);


-- kfStudio
INSERT INTO kfStudio (kfStdId, kfStdName, kfStdCity, kfStdState, kfStdRegCd, kfStdOpenedOn, kfStdSqFt, kfStdIsOpen) VALUES
('S01', 'Harbor Point', 'Boston', 'MA', 'NE', '2015-03-01', 12400, true),
('S02', 'Back Bay Loft', 'Boston', 'MA', 'NE', '2018-09-15', 7200, true),
('S03', 'Capitol Hill', 'Seattle', 'WA', 'NW', '2016-05-20', 9800, true),
('S04', 'Ballard Works', 'Seattle', 'WA', 'NW', '2019-01-12', 11050, true),
('S05', 'Pearl District', 'Portland', 'OR', 'NW', '2017-11-03', 8300, true),
('S06', 'Deep Ellum', 'Dallas', 'TX', 'SO', '2019-06-08', 10200, true),
('S07', 'South Congress', 'Austin', 'TX', 'SO', '2020-10-17', 6900, true),
('S08', 'Wicker Park', 'Chicago', 'IL', 'MW', '2014-08-30', 13100, true),
('S09', 'River North', 'Chicago', 'IL', 'MW', '2021-04-24', 8700, true),
('S10', 'Old Town Annex', 'Chicago', 'IL', 'MW', '2013-02-11', 4500, false),
('S11', 'Zilker Yard', 'Austin', 'TX', 'SO', NULL, NULL, false);

-- kfPlan
INSERT INTO kfPlan (kfPlnId, kfPlnName, kfPlnTier, kfPlnFee, kfPlnTermMon, kfPlnCcy, kfPlnIsActive) VALUES
('P01', 'Off-Peak Basic', 'basic', 29.00, 1, 'USD', true),
('P02', 'Anytime Basic', 'basic', 39.00, 1, 'USD', true),
('P03', 'Plus Monthly', 'plus', 59.00, 1, 'USD', true),
('P04', 'Plus Annual', 'plus', 49.00, 12, 'USD', true),
('P05', 'Premium Monthly', 'premium', 99.00, 1, 'USD', true),
('P06', 'Premium Annual', 'premium', 85.00, 12, 'USD', true),
('P07', 'Student Pass', 'basic', 25.00, 4, 'USD', true),
('P08', 'Corporate Flex', 'plus', 45.00, 6, 'USD', true),
('P09', 'Founders Premium', 'premium', 69.00, 12, 'USD', false),
('P10', 'Ten Visit Pack', 'pack', 120.00, 0, 'USD', true);

-- kfMember
INSERT INTO kfMember (kfMbrId, kfMbrName, kfMbrEmail, kfMbrPhone, kfMbrStreet, kfMbrCity, kfMbrState, kfMbrZip, kfMbrStdId, kfMbrDob, kfMbrJoinDate, kfMbrStatus) VALUES
('M001', 'Nora Feldman', 'nora.feldman@gmail.com', '617-555-0114', '18 Commercial St', 'Boston', 'MA', '02109', 'S01', '1988-04-17', '2019-05-14', 'active'),
('M002', 'Caleb Whitmore', 'cwhitmore@outlook.com', '206-555-0171', '902 Pike St', 'Seattle', 'WA', '98101', 'S03', '1991-12-02', '2020-02-03', 'active'),
('M003', 'priya raman', 'priya.raman@gmail.com', '206-555-0138', '411 Broadway E', 'Seattle', 'WA', '98102', 'S03', '1994-06-25', '2021-07-19', 'active'),
('M004', 'Hector Villanueva', 'hector.v@yahoo.com', '214-555-0190', '2705 Main St', 'Dallas', 'TX', '75226', 'S06', '1985-09-09', '2022-01-08', 'active'),
('M005', 'Grace Lindqvist', 'grace@lindqvist.net', '312-555-0102', '1533 N Damen Ave', 'Chicago', 'IL', '60622', 'S08', '1979-01-30', '2018-11-27', 'active'),
('M006', 'Omar Haddad', 'omar.haddad@gmail.com', '617-555-0166', '77 Hanover St', 'Boston', 'MA', '02113', 'S01', '1997-03-03', '2023-02-11', 'frozen'),
('M007', 'Tessa Brandt', 'tessa.brandt@gmail.com', '503-555-0129', '1020 NW Couch St', 'Portland', 'OR', '97209', 'S05', '1990-08-14', '2023-04-02', 'active'),
('M008', 'Julian Moretti', 'jmoretti@protonmail.com', NULL, '1804 S Congress Ave', 'Austin', 'TX', '78704', 'S07', '1983-05-22', '2022-09-30', 'frozen'),
('M009', 'Keisha Daniels', 'keisha.daniels@gmail.com', '206-555-0155', '5320 Ballard Ave', 'Seattle', 'WA', '98107', 'S04', '1995-10-11', '2023-06-21', 'frozen'),
('M010', 'Wyatt Sorensen', 'wyatt.s@fastmail.com', '312-555-0147', '2040 W Division St', 'Chicago', 'IL', '60622', 'S08', '1987-07-07', '2021-03-16', 'active'),
('M011', 'Lena Hoffmann', 'lena.hoffmann@gmail.com', '617-555-0183', '301 Newbury St', 'Boston', 'MA', '02115', 'S02', '1999-02-19', '2024-03-04', 'active'),
('M012', 'samuel ortiz', 'samuel.ortiz@outlook.com', '512-555-0120', '908 Barton Springs Rd', 'Austin', 'TX', '78704', 'S07', '1996-11-28', '2024-02-12', 'active'),
('M013', 'Bianca Ferrara', 'bferrara@uw.edu', '206-555-0109', '6115 24th Ave NW', 'Seattle', 'WA', '98107', 'S04', '2002-05-16', '2024-01-22', 'active'),
('M014', 'Dmitri Volkov', 'dvolkov@mail.com', NULL, '224 NW 13th Ave', 'Portland', 'OR', '97209', 'S05', '1976-12-20', '2022-05-05', 'cancelled'),
('M015', 'Hannah Osei', 'hannah.osei@uw.edu', '206-555-0194', '1200 E Union St', 'Seattle', 'WA', '98122', 'S03', '2003-09-01', '2024-04-08', 'frozen'),
('M016', 'Marcus Trent', 'marcus.trent@yahoo.com', '214-555-0131', '3112 Elm St', 'Dallas', 'TX', '75226', 'S06', '1989-06-06', '2023-09-14', 'frozen'),
('M017', 'Yuki Tanaka', 'yuki.tanaka@gmail.com', '312-555-0178', '445 N Wells St', 'Chicago', 'IL', '60654', 'S09', '1993-01-13', '2023-10-02', 'active'),
('M018', 'Fiona Gallagher', 'fiona.g@icloud.com', '617-555-0125', '52 Salem St', 'Boston', 'MA', '02113', 'S01', '1982-03-29', '2020-08-25', 'cancelled'),
('M019', 'Ravi Shetty', 'ravi.shetty@gmail.com', '206-555-0160', '733 Summit Ave E', 'Seattle', 'WA', '98102', 'S03', '1992-04-04', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months', 'active'),
('M020', 'Chloe Beaumont', 'chloe.beaumont@icloud.com', '617-555-0143', '160 Beacon St', 'Boston', 'MA', '02116', 'S02', '1986-10-23', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months', 'active'),
('M021', 'Ezra Klein', 'ezra.k@fastmail.com', '312-555-0186', '611 N State St', 'Chicago', 'IL', '60654', 'S09', '1998-08-08', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months', 'active'),
('M022', 'Paloma Reyes', 'paloma.reyes@gmail.com', '512-555-0151', '2210 S 1st St', 'Austin', 'TX', '78704', 'S07', '1994-12-12', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months', 'active'),
('M023', 'Stefan Ilic', 'stefan.ilic@outlook.com', '206-555-0117', '1516 11th Ave', 'Seattle', 'WA', '98122', 'S03', '1990-02-27', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months', 'active'),
('M024', 'Ruth Adeyemi', 'ruth.adeyemi@gmail.com', '617-555-0199', '88 Exeter St', 'Boston', 'MA', '02116', 'S02', '1984-07-31', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month', 'active'),
('M025', 'ian mcallister', 'ian.mcallister@yahoo.com', '214-555-0112', '2900 Commerce St', 'Dallas', 'TX', '75226', 'S06', '2001-11-05', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month', 'active'),
('M026', 'Zoe Papadakis', 'zoe.papadakis@icloud.com', NULL, '4217 Leary Way NW', 'Seattle', 'WA', '98107', 'S04', '1997-05-18', DATE_TRUNC('month', CURRENT_DATE), 'active');

-- kfCoach
INSERT INTO kfCoach (kfCchId, kfCchName, kfCchEmail, kfCchStdId, kfCchSpec, kfCchRate, kfCchHireDate, kfCchCertNo, kfCchIsActive) VALUES
('C01', 'Amara Okafor', 'amara@kineticfit.com', 'S01', 'Yoga', 46.00, '2016-02-15', 'RYT-20931', true),
('C02', 'Dylan Hanson', 'dylan@kineticfit.com', 'S03', 'Spin', 41.50, '2017-08-01', 'SPN-4410', true),
('C03', 'Ruben Castillo', 'ruben@kineticfit.com', 'S06', 'HIIT', 39.00, '2019-06-08', NULL, true),
('C04', 'Ingrid Larson', 'ingrid@kineticfit.com', 'S08', 'Pilates', 48.00, '2015-01-20', 'PMA-7782', true),
('C05', 'andre whitfield', 'andre@kineticfit.com', 'S04', 'Olympic Lifting', 44.00, '2020-03-09', 'USAW-318', true),
('C06', 'Mei-Ling Chow', 'mei-ling@kineticfit.com', 'S05', 'Yoga', 43.00, '2018-04-16', 'RYT-55102', false),
('C07', 'Tobias Jameson', 'tobias@kineticfit.com', 'S04', 'Spin', 37.50, '2021-11-29', NULL, true),
('C08', 'Aisha Rahman', 'aisha@kineticfit.com', 'S07', 'HIIT', 42.00, '2020-10-17', 'ACE-90277', true),
('C09', 'Greg Pawlak', 'greg@kineticfit.com', 'S09', 'Strength', 45.00, '2021-04-24', 'NSCA-1205', true),
('C10', 'Alma Fitzgerald', NULL, 'S02', 'Pilates', 40.00, '2024-08-05', NULL, true);

-- kfSession
INSERT INTO kfSession (kfSesId, kfSesTitle, kfSesType, kfSesStdId, kfSesCchId, kfSesStartTs, kfSesEndTs, kfSesCap, kfSesRmx, kfSesStatus) VALUES
('X01', 'Sunrise Flow', 'yoga', 'S01', 'C01', '2024-02-06 07:00:00', '2024-02-06 08:00:00', 20, 'RM01B', 'held'),
('X02', 'Power Spin 45', 'spin', 'S03', 'C02', '2024-02-10 18:00:00', '2024-02-10 18:45:00', 24, 'RM03A', 'held'),
('X03', 'HIIT Burn', 'hiit', 'S06', 'C03', '2024-02-17 12:00:00', '2024-02-17 12:45:00', 18, 'RM06B', 'held'),
('X04', 'Core Pilates', 'pilates', 'S08', 'C04', '2024-02-24 09:00:00', '2024-02-24 09:55:00', 12, 'RM08A', 'held'),
('X05', 'Barbell Basics', 'strength', 'S04', 'C05', '2024-03-02 10:00:00', '2024-03-02 11:00:00', 10, 'RM04B', 'held'),
('X06', 'Sunrise Flow', 'yoga', 'S01', 'C01', '2024-03-05 07:00:00', '2024-03-05 08:00:00', 22, 'RM01A', 'held'),
('X07', 'Evening Flow', 'yoga', 'S01', 'C01', '2024-03-09 18:30:00', '2024-03-09 19:45:00', 15, 'RM01B', 'held'),
('X08', 'Power Spin 45', 'spin', 'S03', 'C02', '2024-03-09 08:00:00', '2024-03-09 08:45:00', 26, 'RM03A', 'held'),
('X09', 'Power Spin 45', 'spin', 'S03', 'C02', '2024-03-09 17:00:00', '2024-03-09 17:45:00', 20, 'RM03B', 'held'),
('X10', 'HIIT Burn', 'hiit', 'S06', 'C03', '2024-03-16 12:00:00', '2024-03-16 12:45:00', 16, 'RM06A', 'held'),
('X11', 'Burn & Build', 'hiit', 'S06', 'C03', '2024-03-20 19:00:00', '2024-03-20 19:50:00', 25, 'RM06B', 'held'),
('X12', 'Core Pilates', 'pilates', 'S08', 'C04', '2024-03-23 09:00:00', '2024-03-23 09:55:00', 12, 'RM08A', 'held'),
('X13', 'Reformer Intro', 'pilates', 'S08', 'C04', '2024-03-30 10:00:00', '2024-03-30 10:50:00', 8, 'RM08B', 'held'),
('X14', 'Slow Flow', 'yoga', 'S05', 'C06', '2024-04-04 17:30:00', '2024-04-04 18:30:00', 18, 'RM05A', 'held'),
('X15', 'Endurance Ride', 'spin', 'S04', 'C07', '2024-04-11 06:30:00', '2024-04-11 07:45:00', 30, 'RM04B', 'held'),
('X16', 'Metcon Burn', 'hiit', 'S07', 'C08', '2024-04-20 11:00:00', '2024-04-20 11:45:00', 20, 'RM07A', 'held'),
('X17', 'Power Spin 60', 'spin', 'S03', 'C02', '2024-05-08 18:00:00', '2024-05-08 19:00:00', 24, 'RM03B', 'held'),
('X18', 'Evening Flow', 'yoga', 'S05', 'C06', '2024-05-15 18:30:00', '2024-05-15 19:45:00', 16, 'RM05A', 'cancelled'),
('X19', 'Barbell Basics', 'strength', 'S09', 'C09', '2024-06-01 10:00:00', '2024-06-01 11:00:00', 10, 'RM09B', 'held'),
('X20', 'Metcon Burn', 'hiit', 'S07', 'C08', '2024-06-12 18:00:00', '2024-06-12 18:45:00', 20, 'RM07A', 'held'),
('X21', 'Power Spin 45', 'spin', 'S03', 'C02', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours' + INTERVAL '45 min', 24, 'RM03B', 'held'),
('X22', 'Endurance Ride', 'spin', 'S04', 'C07', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min' + INTERVAL '75 min', 28, 'RM04A', 'held'),
('X23', 'Sunrise Flow', 'yoga', 'S02', 'C01', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '7 hours', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '7 hours' + INTERVAL '60 min', 20, 'RM02B', 'held'),
('X24', 'HIIT Burn', 'hiit', 'S06', 'C03', CURRENT_DATE - INTERVAL '8 days' + INTERVAL '12 hours', CURRENT_DATE - INTERVAL '8 days' + INTERVAL '12 hours' + INTERVAL '45 min', 18, 'RM06A', 'held'),
('X25', 'Slow Flow', 'yoga', 'S02', 'C01', CURRENT_DATE - INTERVAL '11 days' + INTERVAL '17 hours', CURRENT_DATE - INTERVAL '11 days' + INTERVAL '17 hours' + INTERVAL '60 min', 18, 'RM02B', 'held'),
('X26', 'Metcon Burn', 'hiit', 'S07', 'C08', CURRENT_DATE - INTERVAL '18 days' + INTERVAL '11 hours', CURRENT_DATE - INTERVAL '18 days' + INTERVAL '11 hours' + INTERVAL '45 min', 20, 'RM07A', 'held'),
('X27', 'Core Pilates', 'pilates', 'S09', 'C04', CURRENT_DATE - INTERVAL '19 days' + INTERVAL '9 hours', CURRENT_DATE - INTERVAL '19 days' + INTERVAL '9 hours' + INTERVAL '55 min', 12, 'RM09B', 'held'),
('X28', 'Barbell Basics', 'strength', 'S09', 'C09', CURRENT_DATE - INTERVAL '26 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '26 days' + INTERVAL '10 hours' + INTERVAL '60 min', 10, 'RM09A', 'held'),
('X29', 'Power Spin 60', 'spin', 'S03', 'C02', CURRENT_DATE - INTERVAL '38 days' + INTERVAL '18 hours', CURRENT_DATE - INTERVAL '38 days' + INTERVAL '18 hours' + INTERVAL '60 min', 24, 'RM03B', 'held'),
('X30', 'Evening Flow', 'yoga', 'S07', 'C08', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '18 hours 30 min', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '18 hours 30 min' + INTERVAL '75 min', 16, 'RM07A', 'held'),
('X31', 'Reformer Intro', 'pilates', 'S09', 'C04', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '10 hours' + INTERVAL '50 min', 8, 'RM09B', 'held'),
('X32', 'Core Pilates', 'pilates', 'S08', 'C04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 day 9 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 day 9 hours' + INTERVAL '55 min', 14, 'RM08A', 'held'),
('X33', 'Saturday Shred', 'strength', 'S08', 'C09', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days 10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days 10 hours' + INTERVAL '60 min', 15, 'RM08B', 'held'),
('X34', 'Core Pilates', 'pilates', 'S09', 'C04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '6 days 9 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '6 days 9 hours' + INTERVAL '55 min', 12, 'RM09A', 'cancelled'),
('X35', 'Reformer Intro', 'pilates', 'S08', 'C04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days 10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days 10 hours' + INTERVAL '50 min', 8, 'RM08B', 'held'),
('X36', 'Saturday Shred', 'strength', 'S08', 'C09', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days 10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days 10 hours' + INTERVAL '60 min', 15, 'RM08A', 'held'),
('X37', 'Core Pilates', 'pilates', 'S09', 'C04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days 9 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days 9 hours' + INTERVAL '55 min', 12, 'RM09B', 'held'),
('X38', 'Barbell Basics', 'strength', 'S09', 'C09', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '5 weeks' + INTERVAL '6 days 11 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '5 weeks' + INTERVAL '6 days 11 hours' + INTERVAL '60 min', 10, 'RM09A', 'held'),
('X39', 'Core Pilates', 'pilates', 'S08', 'C04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '0 days 9 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '0 days 9 hours' + INTERVAL '55 min', 14, 'RM08B', 'held'),
('X40', 'Reformer Intro', 'pilates', 'S08', 'C04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '7 weeks' + INTERVAL '2 days 10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '7 weeks' + INTERVAL '2 days 10 hours' + INTERVAL '50 min', 8, 'RM08A', 'held'),
('X41', 'Power Spin 45', 'spin', 'S03', 'C02', CURRENT_DATE + INTERVAL '2 days' + INTERVAL '18 hours', CURRENT_DATE + INTERVAL '2 days' + INTERVAL '18 hours' + INTERVAL '45 min', 24, 'RM03B', 'scheduled'),
('X42', 'Sunrise Flow', 'yoga', 'S02', 'C01', CURRENT_DATE + INTERVAL '3 days' + INTERVAL '7 hours', CURRENT_DATE + INTERVAL '3 days' + INTERVAL '7 hours' + INTERVAL '60 min', 20, 'RM02A', 'scheduled'),
('X43', 'HIIT Burn', 'hiit', 'S06', 'C03', CURRENT_DATE + INTERVAL '5 days' + INTERVAL '12 hours', CURRENT_DATE + INTERVAL '5 days' + INTERVAL '12 hours' + INTERVAL '45 min', 18, 'RM06B', 'scheduled'),
('X44', 'Slow Stretch', 'yoga', 'S02', 'C01', '2024-03-26 17:30:00', '2024-03-26 18:30:00', 20, 'RM02A', 'held');

-- kfBooking
INSERT INTO kfBooking (kfBkgId, kfBkgMbrId, kfBkgSesId, kfBkgMadeAt, kfBkgChannel, kfBkgStatus, kfBkgCheckInStr, kfBkgStars) VALUES
('B001', 'M001', 'X01', '2024-02-03 20:11:00', 'app', 'attended', '20240206 06:57:00', 5),
('B002', 'M006', 'X01', '2024-02-05 09:40:00', 'web', 'noshow', NULL, NULL),
('B003', 'M002', 'X02', '2024-02-07 12:02:00', 'app', 'attended', '20240210 17:54:00', 4),
('B004', 'M003', 'X02', '2024-02-08 07:30:00', 'app', 'attended', '20240210 17:47:00', 5),
('B005', 'M013', 'X02', '2024-01-30 16:25:00', 'web', 'attended', '20240210 17:51:00', 4),
('B006', 'M009', 'X02', '2024-02-06 21:14:00', 'app', 'cancelled', NULL, NULL),
('B007', 'M004', 'X03', '2024-02-15 17:48:00', 'desk', 'attended', '20240217 11:48:00', 3),
('B008', 'M016', 'X03', '2024-02-16 10:05:00', 'app', 'noshow', NULL, NULL),
('B009', 'M005', 'X04', '2024-02-22 11:20:00', 'desk', 'attended', '20240224 08:56:00', 5),
('B010', 'M013', 'X05', '2024-02-29 13:37:00', 'web', 'attended', '20240302 09:49:00', NULL),
('B011', 'M001', 'X06', '2024-03-03 19:55:00', 'app', 'attended', '20240305 06:53:00', 4),
('B012', 'M011', 'X06', '2024-03-04 18:02:00', 'app', 'attended', '20240305 06:57:00', 5),
('B013', 'M011', 'X07', '2024-03-07 08:16:00', 'app', 'attended', '20240309 18:20:00', 4),
('B014', 'M002', 'X08', '2024-03-06 22:40:00', 'app', 'attended', '20240309 07:54:00', 5),
('B015', 'M003', 'X08', '2024-03-07 06:58:00', 'app', 'noshow', NULL, NULL),
('B016', 'M009', 'X09', '2024-03-08 15:09:00', 'web', 'attended', '20240309 16:51:00', 3),
('B017', 'M004', 'X10', '2024-03-14 12:30:00', 'app', 'attended', '20240316 11:55:00', 4),
('B018', 'M016', 'X11', '2024-03-18 18:45:00', 'desk', 'attended', '20240320 18:48:00', 4),
('B019', 'M005', 'X12', '2024-03-20 10:15:00', 'desk', 'attended', '20240323 08:52:00', 4),
('B020', 'M010', 'X12', '2024-03-21 09:00:00', 'app', 'attended', '20240323 08:56:00', 3),
('B021', 'M010', 'X13', '2024-03-27 20:20:00', 'app', 'cancelled', NULL, NULL),
('B022', 'M011', 'X44', '2024-03-24 14:51:00', 'web', 'attended', '20240326 17:23:00', 5),
('B023', 'M007', 'X14', '2024-04-02 08:08:00', 'web', 'attended', '20240404 17:27:00', 5),
('B024', 'M015', 'X15', '2024-04-09 17:33:00', 'app', 'attended', '20240411 06:20:00', 4),
('B025', 'M013', 'X15', '2024-04-10 12:12:00', 'app', 'noshow', NULL, NULL),
('B026', 'M012', 'X16', '2024-04-17 19:26:00', 'app', 'attended', '20240420 10:47:00', 5),
('B027', 'M008', 'X16', '2024-04-19 16:00:00', 'desk', 'attended', '20240420 10:51:00', 2),
('B028', 'M003', 'X17', '2024-05-05 21:03:00', 'app', 'attended', '20240508 17:55:00', 5),
('B029', 'M002', 'X17', '2024-05-06 07:45:00', 'app', 'attended', '20240508 17:48:00', 4),
('B030', 'M015', 'X17', '2024-05-07 11:11:00', 'web', 'noshow', NULL, NULL),
('B031', 'M007', 'X18', '2024-05-13 09:32:00', 'web', 'cancelled', NULL, NULL),
('B032', 'M017', 'X19', '2024-05-29 18:18:00', 'app', 'attended', '20240601 09:49:00', 4),
('B033', 'M012', 'X20', '2024-06-10 20:47:00', 'app', 'attended', '20240612 17:53:00', 3),
('B034', 'M008', 'X20', '2024-06-11 17:05:00', 'desk', 'noshow', NULL, NULL),
('B035', 'M002', 'X21', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours' - INTERVAL '2 days 3 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours' - INTERVAL '10 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B036', 'M003', 'X21', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours' - INTERVAL '1 day 4 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours' - INTERVAL '6 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B037', 'M023', 'X21', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours' - INTERVAL '3 days 1 hours', 'web', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '2 days' + INTERVAL '18 hours' - INTERVAL '13 min', 'YYYYMMDD HH24:MI:SS'), NULL),
('B038', 'M009', 'X22', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min' - INTERVAL '2 days 2 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min' - INTERVAL '9 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B039', 'M013', 'X22', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min' - INTERVAL '1 day 3 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min' - INTERVAL '5 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B040', 'M019', 'X22', CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min' - INTERVAL '2 days 4 hours', 'web', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '5 days' + INTERVAL '6 hours 30 min' - INTERVAL '12 min', 'YYYYMMDD HH24:MI:SS'), 3),
('B041', 'M002', 'X22', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 day 8 hours', 'app', 'cancelled', NULL, NULL),
('B042', 'M001', 'X23', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '7 hours' - INTERVAL '2 days 2 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '3 days' + INTERVAL '7 hours' - INTERVAL '4 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B043', 'M024', 'X23', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '7 hours' - INTERVAL '1 day 3 hours', 'web', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '3 days' + INTERVAL '7 hours' - INTERVAL '11 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B044', 'M006', 'X23', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '7 hours' - INTERVAL '2 days 4 hours', 'app', 'noshow', NULL, NULL),
('B045', 'M004', 'X24', CURRENT_DATE - INTERVAL '8 days' + INTERVAL '12 hours' - INTERVAL '2 days 1 hours', 'desk', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '8 days' + INTERVAL '12 hours' - INTERVAL '3 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B046', 'M025', 'X24', CURRENT_DATE - INTERVAL '8 days' + INTERVAL '12 hours' - INTERVAL '1 day 2 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '8 days' + INTERVAL '12 hours' - INTERVAL '10 min', 'YYYYMMDD HH24:MI:SS'), 3),
('B047', 'M016', 'X24', CURRENT_DATE - INTERVAL '8 days' + INTERVAL '12 hours' - INTERVAL '3 days 3 hours', 'web', 'noshow', NULL, NULL),
('B048', 'M011', 'X25', CURRENT_DATE - INTERVAL '11 days' + INTERVAL '17 hours' - INTERVAL '2 days 4 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '11 days' + INTERVAL '17 hours' - INTERVAL '13 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B049', 'M020', 'X25', CURRENT_DATE - INTERVAL '11 days' + INTERVAL '17 hours' - INTERVAL '1 day 1 hours', 'web', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '11 days' + INTERVAL '17 hours' - INTERVAL '9 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B050', 'M012', 'X26', CURRENT_DATE - INTERVAL '18 days' + INTERVAL '11 hours' - INTERVAL '2 days 2 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '18 days' + INTERVAL '11 hours' - INTERVAL '5 min', 'YYYYMMDD HH24:MI:SS'), 2),
('B051', 'M022', 'X26', CURRENT_DATE - INTERVAL '18 days' + INTERVAL '11 hours' - INTERVAL '2 days 3 hours', 'app', 'cancelled', NULL, NULL),
('B052', 'M017', 'X27', CURRENT_DATE - INTERVAL '19 days' + INTERVAL '9 hours' - INTERVAL '3 days 4 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '19 days' + INTERVAL '9 hours' - INTERVAL '8 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B053', 'M017', 'X28', CURRENT_DATE - INTERVAL '26 days' + INTERVAL '10 hours' - INTERVAL '2 days 1 hours', 'app', 'noshow', NULL, NULL),
('B054', 'M021', 'X28', CURRENT_DATE - INTERVAL '26 days' + INTERVAL '10 hours' - INTERVAL '1 day 2 hours', 'web', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '26 days' + INTERVAL '10 hours' - INTERVAL '11 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B055', 'M019', 'X29', CURRENT_DATE - INTERVAL '38 days' + INTERVAL '18 hours' - INTERVAL '2 days 3 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '38 days' + INTERVAL '18 hours' - INTERVAL '7 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B056', 'M003', 'X29', CURRENT_DATE - INTERVAL '38 days' + INTERVAL '18 hours' - INTERVAL '1 day 4 hours', 'app', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '38 days' + INTERVAL '18 hours' - INTERVAL '3 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B057', 'M022', 'X30', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '18 hours 30 min' - INTERVAL '2 days 1 hours', 'web', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '52 days' + INTERVAL '18 hours 30 min' - INTERVAL '10 min', 'YYYYMMDD HH24:MI:SS'), 3),
('B058', 'M005', 'X31', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '10 hours' - INTERVAL '3 days 2 hours', 'desk', 'attended', TO_CHAR(CURRENT_DATE - INTERVAL '66 days' + INTERVAL '10 hours' - INTERVAL '6 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B059', 'M010', 'X31', CURRENT_DATE - INTERVAL '66 days' + INTERVAL '10 hours' - INTERVAL '1 day 3 hours', 'app', 'noshow', NULL, NULL),
('B060', 'M010', 'X32', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 day 9 hours' - INTERVAL '1 day 4 hours', 'app', 'attended', TO_CHAR(DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 day 9 hours' - INTERVAL '9 min', 'YYYYMMDD HH24:MI:SS'), 4),
('B061', 'M021', 'X33', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days 10 hours' - INTERVAL '2 days 1 hours', 'web', 'attended', TO_CHAR(DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days 10 hours' - INTERVAL '5 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B062', 'M005', 'X35', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days 10 hours' - INTERVAL '1 day 2 hours', 'desk', 'attended', TO_CHAR(DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '2 days 10 hours' - INTERVAL '12 min', 'YYYYMMDD HH24:MI:SS'), 5),
('B063', 'M017', 'X36', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days 10 hours' - INTERVAL '1 day 3 hours', 'app', 'noshow', NULL, NULL),
('B064', 'M010', 'X37', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days 9 hours' - INTERVAL '2 days 4 hours', 'app', 'attended', TO_CHAR(DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '3 days 9 hours' - INTERVAL '4 min', 'YYYYMMDD HH24:MI:SS'), 3),
('B065', 'M003', 'X41', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '4 days 19 hours', 'app', 'booked', NULL, NULL),
('B066', 'M009', 'X41', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days 12 hours', 'app', 'booked', NULL, NULL),
('B067', 'M023', 'X41', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days 20 hours', 'web', 'booked', NULL, NULL),
('B068', 'M002', 'X41', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '3 days 7 hours', 'app', 'booked', NULL, NULL),
('B069', 'M001', 'X42', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '3 days 18 hours', 'app', 'booked', NULL, NULL),
('B070', 'M004', 'X43', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '4 days 9 hours', 'desk', 'booked', NULL, NULL);

-- kfPayment
INSERT INTO kfPayment (kfPayId, kfPayMbrId, kfPayPlnId, kfPayTs, kfPayAmt, kfPayTax, kfPayFee, kfPayMethod, kfPayGwx, kfPayStatus) VALUES
('PY001', 'M014', 'P01', '2022-05-06 12:10:00', 29.00, 1.81, 0.00, 'cash', NULL, 'paid'),
('PY002', 'M006', 'P02', '2023-02-11 18:20:00', 39.00, 2.44, 1.43, 'card', 'gx0d7364', 'paid'),
('PY003', 'M006', 'P02', '2023-03-11 06:00:00', 39.00, 2.44, 1.43, 'card', 'gx0e9257', 'paid'),
('PY004', 'M018', 'P03', '2023-05-02 06:00:00', 59.00, 3.69, 0.47, 'ach', 'gx0fb14a', 'paid'),
('PY005', 'M008', 'P04', '2023-11-15 06:00:00', 49.00, 3.06, 1.72, 'card', 'gx10d03d', 'paid'),
('PY006', 'M008', 'P04', '2023-12-15 06:00:00', 49.00, 3.06, 1.72, 'card', 'gx11ef30', 'failed'),
('PY007', 'M001', 'P05', '2024-01-05 06:00:00', 99.00, 6.19, 3.17, 'card', 'gx130e23', 'paid'),
('PY008', 'M002', 'P03', '2024-01-08 06:00:00', 59.00, 3.69, 2.01, 'card', 'gx142d16', 'paid'),
('PY009', 'M003', 'P03', '2024-01-10 06:00:00', 64.00, 4.00, 0.51, 'ach', 'gx154c09', 'paid'),
('PY010', 'M004', 'P02', '2024-01-15 06:00:00', 39.00, 2.44, 1.43, 'card', 'gx166afc', 'failed'),
('PY011', 'M005', 'P05', '2024-01-20 06:00:00', 99.00, 6.19, 0.79, 'ach', 'gx1789ef', 'paid'),
('PY012', 'M013', 'P07', '2024-01-22 15:44:00', 40.00, 2.50, 1.46, 'card', 'gx18a8e2', 'paid'),
('PY013', 'M001', 'P05', '2024-02-05 06:00:00', 114.00, 7.13, 3.61, 'card', 'gx19c7d5', 'paid'),
('PY014', 'M002', 'P03', '2024-02-08 06:00:00', 59.00, 3.69, 2.01, 'card', 'gx1ae6c8', 'refunded'),
('PY015', 'M003', 'P03', '2024-02-10 06:00:00', 59.00, 3.69, 0.47, 'ach', 'gx1c05bb', 'paid'),
('PY016', 'M012', 'P02', '2024-02-13 17:31:00', 54.00, 3.38, 0.00, 'cash', NULL, 'paid'),
('PY017', 'M004', 'P02', '2024-02-15 06:00:00', 39.00, 2.44, 1.43, 'card', 'gx1e43a1', 'paid'),
('PY018', 'M005', 'P05', '2024-02-20 06:00:00', 99.00, 6.19, 0.79, 'ach', 'gx1f6294', 'paid'),
('PY019', 'M013', 'P07', '2024-02-22 06:00:00', 25.00, 1.56, 1.03, 'card', 'gx208187', 'paid'),
('PY020', 'M001', 'P05', '2024-03-05 06:00:00', 99.00, 6.19, 3.17, 'card', 'gx21a07a', 'paid'),
('PY021', 'M011', 'P08', '2024-03-06 13:15:00', 60.00, 3.75, 2.04, 'card', 'gx22bf6d', 'paid'),
('PY022', 'M002', 'P03', '2024-03-08 06:00:00', 71.50, 4.47, 2.37, 'card', 'gx23de60', 'paid'),
('PY023', 'M003', 'P03', '2024-03-10 06:00:00', 59.00, 3.69, 0.47, 'ach', 'gx24fd53', 'paid'),
('PY024', 'M012', 'P02', '2024-03-13 16:58:00', 39.00, 2.44, 0.00, 'cash', NULL, 'paid'),
('PY025', 'M004', 'P02', '2024-03-15 06:00:00', 39.00, 2.44, 1.43, 'card', 'gx273b39', 'paid'),
('PY026', 'M007', 'P01', '2024-03-18 06:00:00', 29.00, 1.81, 1.14, 'card', 'gx285a2c', 'paid'),
('PY027', 'M013', 'P07', '2024-03-22 06:00:00', 31.00, 1.94, 1.20, 'card', 'gx29791f', 'paid'),
('PY028', 'M011', 'P08', '2024-04-06 06:00:00', 45.00, 2.81, 1.61, 'card', 'gx2a9812', 'paid'),
('PY029', 'M002', 'P03', '2024-04-08 06:00:00', 59.00, 3.69, 2.01, 'card', 'gx2bb705', 'paid'),
('PY030', 'M015', 'P07', '2024-04-09 18:01:00', 35.00, 2.19, 1.32, 'card', 'gx2cd5f8', 'paid'),
('PY031', 'M012', 'P02', '2024-04-13 17:20:00', 39.00, 2.44, 0.00, 'cash', NULL, 'paid'),
('PY032', 'M007', 'P01', '2024-04-18 06:00:00', 29.00, 1.81, 1.14, 'card', 'gx2f13de', 'paid'),
('PY033', 'M005', 'P05', '2024-04-20 06:00:00', 99.00, 6.19, 0.79, 'ach', 'gx3032d1', 'paid'),
('PY034', 'M016', 'P02', '2024-05-03 12:00:00', 39.00, 2.44, 1.00, 'voucher', 'gx3151c4', 'paid'),
('PY035', 'M001', 'P05', '2024-05-05 06:00:00', 99.00, 6.19, 3.17, 'card', 'gx3270b7', 'paid'),
('PY036', 'M011', 'P08', '2024-05-06 06:00:00', 52.50, 3.28, 1.82, 'card', 'gx338faa', 'paid'),
('PY037', 'M007', 'P01', '2024-05-18 06:00:00', 33.50, 2.09, 1.27, 'card', 'gx34ae9d', 'paid'),
('PY038', 'M010', 'P04', '2024-05-22 06:00:00', 49.00, 3.06, 0.39, 'ach', 'gx35cd90', 'paid'),
('PY039', 'M017', 'P05', '2024-06-02 11:39:00', 124.00, 7.75, 3.90, 'card', 'gx36ec83', 'paid'),
('PY040', 'M009', 'P01', '2024-06-11 17:25:00', 29.00, 1.81, 0.00, 'cash', NULL, 'refunded'),
('PY041', 'M010', 'P04', '2024-06-22 06:00:00', 56.00, 3.50, 0.45, 'ach', 'gx392a69', 'paid'),
('PY042', 'M019', 'P03', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '1 day 10 hours', 59.00, 3.69, 2.01, 'card', 'gx3a495c', 'paid'),
('PY043', 'M020', 'P05', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '2 days 10 hours', 124.00, 7.75, 3.90, 'card', 'gx3b684f', 'paid'),
('PY044', 'M021', 'P01', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '4 days 10 hours', 29.00, 1.81, 0.23, 'ach', 'gx3c8742', 'paid'),
('PY045', 'M022', 'P08', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '3 days 10 hours', 45.00, 2.81, 0.36, 'ach', 'gx3da635', 'paid'),
('PY046', 'M022', 'P08', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '10 days 10 hours', 22.00, 1.38, 0.94, 'card', 'gx3ec528', 'paid'),
('PY047', 'M023', 'P02', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '5 days 10 hours', 51.00, 3.19, 1.78, 'card', 'gx3fe41b', 'paid'),
('PY048', 'M024', 'P05', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '1 day 10 hours', 99.00, 6.19, 3.17, 'card', 'gx41030e', 'paid'),
('PY049', 'M025', 'P07', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' + INTERVAL '4 days 10 hours', 25.00, 1.56, 1.03, 'card', 'gx422201', 'failed'),
('PY050', 'M010', 'P04', CURRENT_DATE - INTERVAL '76 days' + INTERVAL '6 hours', 49.00, 3.06, 0.39, 'ach', 'gx4340f4', 'paid'),
('PY051', 'M005', 'P05', CURRENT_DATE - INTERVAL '54 days' + INTERVAL '6 hours', 99.00, 6.19, 0.79, 'ach', 'gx445fe7', 'paid'),
('PY052', 'M001', 'P06', CURRENT_DATE - INTERVAL '50 days' + INTERVAL '6 hours', 85.00, 5.31, 2.77, 'card', 'gx457eda', 'paid'),
('PY053', 'M017', 'P05', CURRENT_DATE - INTERVAL '39 days' + INTERVAL '6 hours', 112.80, 7.05, 3.57, 'card', 'gx469dcd', 'paid'),
('PY054', 'M016', 'P02', CURRENT_DATE - INTERVAL '36 days' + INTERVAL '6 hours', 39.00, 2.44, 1.00, 'voucher', 'gx47bcc0', 'failed'),
('PY055', 'M013', 'P03', CURRENT_DATE - INTERVAL '33 days' + INTERVAL '6 hours', 59.00, 3.69, 2.01, 'card', 'gx48dbb3', 'paid'),
('PY056', 'M012', 'P02', CURRENT_DATE - INTERVAL '31 days' + INTERVAL '6 hours', 47.00, 2.94, 0.00, 'cash', NULL, 'paid'),
('PY057', 'M011', 'P08', CURRENT_DATE - INTERVAL '27 days' + INTERVAL '6 hours', 45.00, 2.81, 1.61, 'card', 'gx4b1999', 'paid'),
('PY058', 'M010', 'P04', CURRENT_DATE - INTERVAL '24 days' + INTERVAL '6 hours', 49.00, 3.06, 0.39, 'ach', 'gx4c388c', 'paid'),
('PY059', 'M009', 'P01', CURRENT_DATE - INTERVAL '22 days' + INTERVAL '6 hours', 29.00, 1.81, 0.00, 'cash', NULL, 'paid'),
('PY060', 'M007', 'P01', CURRENT_DATE - INTERVAL '17 days' + INTERVAL '6 hours', 29.00, 1.81, 1.14, 'card', 'gx4e7672', 'paid'),
('PY061', 'M005', 'P05', CURRENT_DATE - INTERVAL '16 days' + INTERVAL '6 hours', 99.00, 6.19, 0.79, 'ach', 'gx4f9565', 'paid'),
('PY062', 'M004', 'P02', CURRENT_DATE - INTERVAL '12 days' + INTERVAL '6 hours', 39.00, 2.44, 1.43, 'card', 'gx50b458', 'failed'),
('PY063', 'M003', 'P03', CURRENT_DATE - INTERVAL '9 days' + INTERVAL '6 hours', 74.25, 4.64, 0.59, 'ach', 'gx51d34b', 'paid'),
('PY064', 'M002', 'P03', CURRENT_DATE - INTERVAL '6 days' + INTERVAL '6 hours', 59.00, 3.69, 2.01, 'card', 'gx52f23e', 'paid'),
('PY065', 'M001', 'P06', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '6 hours', 85.00, 5.31, 2.77, 'card', 'gx541131', 'paid');
