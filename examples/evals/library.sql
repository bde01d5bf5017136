-- A public library: branches, patrons, titles and their copies, loans, holds, charges, events, daily door counts.
-- Every column carries the prefix of its table, in mixed case; no foreign key is declared. Days of payment are strings.
-- Dates are relative to the day of loading, except branches, titles, copies, most patrons, and what is of 2023.
SET TIME ZONE 'UTC';

-- Reference tables
CREATE TABLE plBranch (
  plBrCode varchar(10) PRIMARY KEY,
  plBrName varchar(100) NOT NULL,
  plBrTown varchar(50) NOT NULL,
  plBrRegion varchar(30) NOT NULL, -- possible values: Coast, Valley, Uplands
  plBrOpenedOn date,
  plBrFloorSqm integer,
  plBrIsOpen boolean NOT NULL
);

CREATE TABLE plPatron (
  plPtNo varchar(20) PRIMARY KEY,
  plPtName varchar(100) NOT NULL,
  plPtEmail varchar(100),
  plPtPhone varchar(20),
  plPtTown varchar(50),
  plPtHomeBr varchar(10), -- branch where the patron is enrolled
  plPtCategory varchar(20) NOT NULL, -- possible values: adult, child, student, senior
  plPtBirthYr integer,
  plPtRegDate date NOT NULL,
  plPtStatus varchar(20) NOT NULL -- possible values: active, blocked, expired
);

CREATE TABLE plTitle (
  plTtId varchar(20) PRIMARY KEY,
  plTtName varchar(200) NOT NULL,
  plTtAuthor varchar(100),
  plTtFormat varchar(20) NOT NULL, -- possible values: book, audiobook, dvd, magazine
  plTtGenre varchar(40) NOT NULL,
  plTtLang varchar(5) NOT NULL,
  plTtPubYr integer,
  plTtIsbn varchar(20)
);

CREATE TABLE plCopy (
  plCpBarcode varchar(20) PRIMARY KEY,
  plCpTtId varchar(20) NOT NULL,
  plCpBrCode varchar(10) NOT NULL, -- branch that owns the copy
  plCpAcqDate date NOT NULL,
  plCpPrice numeric(8,2),
  plCpCondCd varchar(2), -- N new, G good, W worn, D damaged
  plCpStatus varchar(20) NOT NULL -- possible values: available, on_loan, missing, withdrawn
);

-- Activity tables
CREATE TABLE plLoan (
  plLnId varchar(20) PRIMARY KEY,
  plLnPtNo varchar(20) NOT NULL,
  plLnBarcode varchar(20) NOT NULL,
  plLnBrCode varchar(10) NOT NULL, -- branch that issued the loan
  plLnOutTs timestamp NOT NULL,
  plLnDueDate date NOT NULL,
  plLnBackTs timestamp, -- NULL if not returned yet
  plLnRenewals integer NOT NULL,
  plLnChannel varchar(10) NOT NULL, -- possible values: desk, kiosk, app
  plLnXrf varchar(10) -- internal code
);

CREATE TABLE plHold (
  plHdId varchar(20) PRIMARY KEY,
  plHdPtNo varchar(20) NOT NULL,
  plHdTtId varchar(20) NOT NULL,
  plHdPickupBr varchar(10) NOT NULL,
  plHdPlacedTs timestamp NOT NULL,
  plHdReadyTs timestamp, -- NULL if the copy has not reached the pickup shelf
  plHdStatus varchar(20) NOT NULL -- possible values: waiting, ready, collected, cancelled, lapsed
);

CREATE TABLE plCharge (
  plChId varchar(20) PRIMARY KEY,
  plChPtNo varchar(20) NOT NULL,
  plChLnId varchar(20), -- NULL if the charge is not about a loan
  plChReason varchar(20) NOT NULL, -- possible values: overdue, damage, lost, printing
  plChAmt numeric(8,2) NOT NULL,
  plChPaidAmt numeric(8,2) NOT NULL,
  plChRaisedOn date NOT NULL,
  plChPaidDateStr varchar(20), -- date of the last payment as string in yyyyMMdd format. NULL if nothing paid
  plChStatus varchar(10) NOT NULL -- possible values: open, paid, waived
);

CREATE TABLE plEvent (
  plEvId varchar(20) PRIMARY KEY,
  plEvBrCode varchar(10) NOT NULL,
  plEvName varchar(100) NOT NULL,
  plEvKind varchar(20) NOT NULL, -- possible values: storytime, workshop, talk, bookclub
  plEvStartTs timestamp NOT NULL,
  plEvSeats integer NOT NULL,
  plEvAttended integer, -- NULL if the event was called off
  plEvFee numeric(6,2) NOT NULL
);

CREATE TABLE plDoorCount (
  plDcBrCode varchar(10) NOT NULL,
  plDcDate date NOT NULL,
  plDcVisitors integer NOT NULL,
  plDcOpenHrs numeric(4,1) NOT NULL,
  plDcEpochMs bigint NOT NULL, -- epoch milliseconds for timestamp
  plDcSource varchar(20)
);

-- plBranch
INSERT INTO plBranch (plBrCode, plBrName, plBrTown, plBrRegion, plBrOpenedOn, plBrFloorSqm, plBrIsOpen) VALUES
('BR01', 'Harbour Road', 'Seaford', 'Coast', '1998-05-11', 1450, true),
('BR02', 'Old Mill', 'Millford', 'Valley', '1974-09-02', 620, true),
('BR03', 'Castle Hill', 'Highmoor', 'Uplands', '1986-03-17', 540, true),
('BR04', 'Central', 'Ashbourne', 'Valley', '1931-10-01', 3200, true),
('BR05', 'Lighthouse', 'Westcliff', 'Coast', '2009-06-20', 780, true),
('BR06', 'Quarry Lane', 'Stonebeck', 'Uplands', '1966-01-24', 310, false),
('BR07', 'Station Square', 'Ashbourne', 'Valley', '2016-11-07', 900, true),
('BR08', 'Mobile Van', 'Highmoor', 'Uplands', NULL, NULL, true);

-- plPatron
INSERT INTO plPatron (plPtNo, plPtName, plPtEmail, plPtPhone, plPtTown, plPtHomeBr, plPtCategory, plPtBirthYr, plPtRegDate, plPtStatus) VALUES
('P1001', 'Martha Wilson', 'martha.wilson@mailbox.org', '01632 960101', 'Seaford', 'BR01', 'adult', 1979, '2018-02-14', 'active'),
('P1002', 'Gareth Pugh', 'gareth.pugh@post.com', '01632 960102', 'Ashbourne', 'BR04', 'adult', 1985, '2019-07-03', 'active'),
('P1003', 'nina roberts', 'nina.r@mailbox.org', NULL, 'Millford', 'BR02', 'student', 2004, '2021-09-20', 'active'),
('P1004', 'Oscar Lindqvist', 'oscar.l@post.com', '01632 960104', 'Westcliff', 'BR05', 'senior', 1951, '2017-04-28', 'active'),
('P1005', 'Priya Raman', 'priya.raman@uni.edu', '01632 960105', 'Ashbourne', 'BR07', 'student', 2003, '2022-10-05', 'active'),
('P1006', 'Tom Baxter', 'tom.baxter@post.com', '01632 960106', 'Highmoor', 'BR03', 'adult', 1990, '2020-01-16', 'blocked'),
('P1007', 'Mabel Ferris', 'mabel.ferris@mailbox.org', NULL, 'Seaford', 'BR01', 'child', 2014, '2023-01-09', 'active'),
('P1008', 'Henrik Johnson', 'henrik.j@post.com', '01632 960108', 'Millford', 'BR02', 'adult', 1972, '2016-06-30', 'expired'),
('P1009', 'Yusuf Demir', 'yusuf@demir.org', '01632 960109', 'Ashbourne', 'BR04', 'adult', 1988, '2023-01-23', 'active'),
('P1010', 'Clara Novak', 'clara.novak@post.com', '01632 960110', 'Stonebeck', 'BR06', 'senior', 1948, '2015-11-12', 'expired'),
('P1011', 'Matteo Conti', 'matteo.conti@uni.edu', NULL, 'Ashbourne', 'BR07', 'student', 2002, '2023-02-06', 'active'),
('P1012', 'Ruth Sampson', 'ruth.sampson@mailbox.org', '01632 960112', 'Seaford', 'BR01', 'senior', 1955, '2019-03-08', 'active'),
('P1013', 'Ingrid Olsen', 'ingrid.olsen@post.com', '01632 960113', 'Westcliff', 'BR05', 'adult', 1981, '2023-03-13', 'blocked'),
('P1014', 'Leo Marsh', 'leo.marsh@post.com', NULL, 'Highmoor', 'BR03', 'child', 2013, '2023-03-27', 'active'),
('P1015', 'Mei Tanaka', 'mei.tanaka@uni.edu', '01632 960115', 'Ashford', 'BR04', 'student', 2001, '2021-05-19', 'active'),
('P1016', 'Edith Crowe', NULL, '01632 960116', 'Stonebeck', 'BR06', 'senior', 1944, '2014-08-01', 'expired'),
('P1017', 'Paul Okafor', 'paul.okafor@post.com', '01632 960117', 'Ashbourne', 'BR04', 'adult', 1976, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months', 'active'),
('P1018', 'Sofia Anderson', 'sofia.anderson@mailbox.org', NULL, 'Millford', 'BR02', 'adult', 1993, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months', 'active'),
('P1019', 'Milo Hart', 'milo.hart@post.com', '01632 960119', 'Seaford', 'BR01', 'child', 2015, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months', 'active'),
('P1020', 'Hannah Price', 'hannah.price@post.com', '01632 960120', 'Westcliff', 'BR05', 'adult', 1987, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months', 'active'),
('P1021', 'Amir Haddad', 'amir.haddad@uni.edu', '01632 960121', 'Ashbourne', 'BR07', 'student', 2005, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months', 'blocked'),
('P1022', 'Zoe Fairley', 'zoe.fairley@post.com', NULL, 'Highmoor', 'BR03', 'adult', 1999, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months', 'active'),
('P1023', 'Ben Stokes-Reid', 'ben.sr@post.com', '01632 960123', 'Ashbourne', 'BR04', 'adult', 1983, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months', 'active'),
('P1024', 'Lotte Visser', 'lotte.visser@mailbox.org', '01632 960124', 'Seaford', 'BR05', 'adult', 1991, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month', 'active'),
('P1025', 'Gwen Hughes', 'gwen.hughes@post.com', NULL, 'Millford', 'BR02', 'senior', 1953, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month', 'active'),
('P1026', 'Dario Blum', 'dario.blum@post.com', '01632 960126', 'Ashbourne', 'BR07', 'adult', 1996, DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '0 months', 'active');

-- plTitle
INSERT INTO plTitle (plTtId, plTtName, plTtAuthor, plTtFormat, plTtGenre, plTtLang, plTtPubYr, plTtIsbn) VALUES
('TT01', 'Pride and Prejudice', 'Jane Austen', 'book', 'Fiction', 'en', 1813, '9780141439518'),
('TT02', 'Emma', 'Jane Austen', 'audiobook', 'Fiction', 'en', 1815, NULL),
('TT03', 'The Hobbit', 'J.R.R. Tolkien', 'book', 'Fantasy', 'en', 1937, '9780261102217'),
('TT04', 'The Fellowship of the Ring', 'J.R.R. Tolkien', 'book', 'Fantasy', 'en', 1954, '9780261102354'),
('TT05', 'Murder on the Orient Express', 'Agatha Christie', 'book', 'Crime', 'en', 1934, '9780007119318'),
('TT06', 'Death on the Nile', 'Agatha Christie', 'dvd', 'Crime', 'en', 2022, NULL),
('TT07', 'A Brief History of Time', 'Stephen Hawking', 'book', 'Science', 'en', 1988, '9780553380163'),
('TT08', 'Cosmos', 'Carl Sagan', 'audiobook', 'Science', 'en', 1980, NULL),
('TT09', 'The Gruffalo', 'Julia Donaldson', 'book', 'Children', 'en', 1999, '9780333710937'),
('TT10', 'Room on the Broom', 'Julia Donaldson', 'dvd', 'Children', 'en', 2012, NULL),
('TT11', 'Le Petit Prince', 'Antoine de Saint-Exupery', 'book', 'Children', 'fr', 1943, '9782070612758'),
('TT12', 'Der Prozess', 'Franz Kafka', 'book', 'Fiction', 'de', 1925, '9783596709526'),
('TT13', 'Silent Spring', 'Rachel Carson', 'book', 'Science', 'en', 1962, '9780618249060'),
('TT14', 'Planet Earth II', NULL, 'dvd', 'Nature', 'en', 2016, NULL),
('TT15', 'Gardeners Monthly', NULL, 'magazine', 'Hobby', 'en', 2023, NULL),
('TT16', 'The Hound of the Baskervilles', 'Arthur Conan Doyle', 'book', 'Crime', 'en', 1902, '9780140437867'),
('TT17', 'A Study in Scarlet', 'Arthur Conan Doyle', 'audiobook', 'Crime', 'en', 1887, NULL),
('TT18', 'Rebecca', 'Daphne du Maurier', 'book', 'Fiction', 'en', 1938, '9781844080380'),
('TT19', 'Frankenstein', 'Mary Shelley', 'book', 'Fiction', 'en', 1818, '9780141439471'),
('TT20', 'Wuthering Heights', 'Emily Bronte', 'book', 'Fiction', 'en', 1847, '9780141439556'),
('TT21', 'The Tale of Peter Rabbit', 'Beatrix Potter', 'book', 'Children', 'en', 1902, '9780723247708'),
('TT22', 'Model Railway World', NULL, 'magazine', 'Hobby', 'en', 2022, NULL);

-- plCopy
INSERT INTO plCopy (plCpBarcode, plCpTtId, plCpBrCode, plCpAcqDate, plCpPrice, plCpCondCd, plCpStatus) VALUES
('30000001', 'TT01', 'BR04', '2019-03-02', 8.99, 'G', 'on_loan'),
('30000002', 'TT01', 'BR01', '2020-06-15', 8.99, 'W', 'on_loan'),
('30000003', 'TT02', 'BR04', '2021-01-11', 14.5, 'G', 'available'),
('30000004', 'TT03', 'BR04', '2018-08-30', 9.99, 'W', 'on_loan'),
('30000005', 'TT03', 'BR05', '2021-10-04', 9.99, 'G', 'on_loan'),
('30000006', 'TT03', 'BR02', '2022-05-23', 10.49, 'G', 'on_loan'),
('30000007', 'TT04', 'BR04', '2020-02-17', 11.99, 'G', 'on_loan'),
('30000008', 'TT04', 'BR07', '2022-09-12', 11.99, 'N', 'available'),
('30000009', 'TT05', 'BR01', '2019-11-05', 7.99, 'G', 'on_loan'),
('30000010', 'TT05', 'BR04', '2022-01-31', 8.49, 'G', 'on_loan'),
('30000011', 'TT05', 'BR03', '2022-12-12', 8.49, 'N', 'available'),
('30000012', 'TT06', 'BR04', '2022-11-21', 12.0, 'G', 'available'),
('30000013', 'TT06', 'BR01', '2022-11-21', 12.0, 'G', 'available'),
('30000014', 'TT07', 'BR07', '2021-04-19', 10.99, 'G', 'available'),
('30000015', 'TT07', 'BR04', '2017-09-14', 10.99, 'D', 'withdrawn'),
('30000016', 'TT08', 'BR05', '2022-03-08', 16.75, 'G', 'available'),
('30000017', 'TT09', 'BR01', '2020-10-26', 6.99, 'W', 'on_loan'),
('30000018', 'TT09', 'BR03', '2022-07-18', 6.99, 'G', 'on_loan'),
('30000019', 'TT09', 'BR02', '2022-12-05', 7.25, 'N', 'on_loan'),
('30000020', 'TT10', 'BR01', '2021-12-13', 9.0, 'G', 'on_loan'),
('30000021', 'TT10', 'BR02', '2022-08-22', 9.0, 'G', 'available'),
('30000022', 'TT11', 'BR04', '2022-02-14', 9.4, 'G', 'available'),
('30000023', 'TT12', 'BR04', '2021-06-28', 12.3, 'G', 'on_loan'),
('30000024', 'TT13', 'BR03', '2020-09-07', 13.2, 'W', 'available'),
('30000025', 'TT14', 'BR05', '2019-05-20', 18.0, 'G', 'available'),
('30000026', 'TT14', 'BR07', '2022-10-10', 18.0, 'N', 'on_loan'),
('30000027', 'TT15', 'BR04', '2022-12-30', 4.2, 'G', 'available'),
('30000028', 'TT16', 'BR02', '2018-04-09', 7.5, 'W', 'on_loan'),
('30000029', 'TT16', 'BR04', '2021-08-16', 7.5, 'G', 'available'),
('30000030', 'TT17', 'BR01', '2022-06-06', 13.8, 'G', 'on_loan'),
('30000031', 'TT18', 'BR05', '2021-02-22', 8.75, 'G', 'available'),
('30000032', 'TT18', 'BR04', '2022-04-25', 8.75, 'G', 'available'),
('30000033', 'TT19', 'BR07', '2022-11-14', 7.2, 'N', 'available'),
('30000034', 'TT20', 'BR03', '2019-07-29', 7.9, 'D', 'available'),
('30000035', 'TT21', 'BR01', '2016-12-01', 5.6, 'D', 'missing'),
('30000036', 'TT12', 'BR06', '2012-03-19', 11.0, 'W', 'withdrawn'),
('30000037', 'TT01', 'BR06', '2010-05-10', 7.99, 'D', 'withdrawn');

-- plLoan
INSERT INTO plLoan (plLnId, plLnPtNo, plLnBarcode, plLnBrCode, plLnOutTs, plLnDueDate, plLnBackTs, plLnRenewals, plLnChannel, plLnXrf) VALUES
('LN001', 'P1001', '30000008', 'BR01', '2023-01-12 15:50:00', '2023-02-02', '2023-02-03 11:50:00', 0, 'kiosk', 'XR001'),
('LN002', 'P1002', '30000008', 'BR04', '2023-01-17 12:05:00', '2023-02-21', '2023-02-18 15:05:00', 1, 'app', 'XR002'),
('LN003', 'P1007', '30000033', 'BR01', '2023-01-19 13:50:00', '2023-03-09', '2023-03-04 16:50:00', 2, 'desk', 'XR003'),
('LN004', 'P1009', '30000012', 'BR04', '2023-01-27 12:05:00', '2023-02-03', '2023-02-06 15:05:00', 0, 'kiosk', 'XR004'),
('LN005', 'P1003', '30000004', 'BR02', '2023-02-03 11:15:00', '2023-03-10', '2023-03-05 14:15:00', 1, 'desk', 'XR005'),
('LN006', 'P1011', '30000005', 'BR07', '2023-02-08 15:05:00', '2023-03-01', '2023-03-02 11:05:00', 0, 'desk', 'XR006'),
('LN007', 'P1005', '30000004', 'BR07', '2023-02-14 16:40:00', '2023-03-07', '2023-03-06 12:40:00', 0, 'desk', 'XR007'),
('LN008', 'P1011', '30000004', 'BR07', '2023-02-20 17:20:00', '2023-03-13', '2023-03-08 13:20:00', 0, 'app', 'XR008'),
('LN009', 'P1012', '30000016', 'BR01', '2023-02-24 10:05:00', '2023-03-17', '2023-03-15 13:05:00', 0, 'app', 'XR009'),
('LN010', 'P1002', '30000018', 'BR04', '2023-03-04 10:50:00', '2023-04-08', '2023-04-14 13:50:00', 1, 'kiosk', 'XR010'),
('LN011', 'P1001', '30000004', 'BR01', '2023-03-11 14:40:00', '2023-04-29', '2023-05-05 17:40:00', 2, 'kiosk', 'XR011'),
('LN012', 'P1001', '30000003', 'BR01', '2023-03-11 12:20:00', '2023-04-15', '2023-04-21 15:20:00', 1, 'app', 'XR012'),
('LN013', 'P1001', '30000006', 'BR01', '2023-03-11 13:40:00', '2023-04-29', '2023-04-27 16:40:00', 2, 'desk', 'XR013'),
('LN014', 'P1004', '30000004', 'BR05', '2023-03-11 12:05:00', '2023-04-01', '2023-03-31 15:05:00', 0, 'kiosk', 'XR014'),
('LN015', 'P1005', '30000013', 'BR07', '2023-03-11 15:05:00', '2023-03-18', '2023-03-15 11:05:00', 0, 'kiosk', 'XR015'),
('LN016', 'P1005', '30000018', 'BR07', '2023-03-11 14:20:00', '2023-04-01', '2023-04-04 17:20:00', 0, 'desk', 'XR016'),
('LN017', 'P1013', '30000012', 'BR05', '2023-03-15 17:15:00', '2023-03-22', '2023-03-28 13:15:00', 0, 'kiosk', 'XR017'),
('LN018', 'P1014', '30000019', 'BR03', '2023-03-30 14:15:00', '2023-04-20', '2023-04-26 17:15:00', 0, 'app', 'XR018'),
('LN019', 'P1009', '30000028', 'BR04', '2023-04-05 15:50:00', '2023-04-26', '2023-04-25 11:50:00', 0, 'app', 'XR019'),
('LN020', 'P1006', '30000025', 'BR03', '2023-04-12 13:40:00', '2023-04-19', '2023-04-16 16:40:00', 0, 'kiosk', 'XR020'),
('LN021', 'P1008', '30000005', 'BR02', '2023-04-18 12:40:00', '2023-05-09', '2023-04-30 15:40:00', 0, 'app', 'XR021'),
('LN022', 'P1015', '30000006', 'BR04', '2023-05-02 15:05:00', '2023-05-23', '2023-05-18 11:05:00', 0, 'kiosk', 'XR022'),
('LN023', 'P1003', '30000013', 'BR02', '2023-05-16 14:50:00', '2023-05-23', '2023-05-19 17:50:00', 0, 'desk', 'XR023'),
('LN024', 'P1009', '30000001', 'BR07', '2023-05-23 11:05:00', '2023-06-13', '2023-06-19 14:05:00', 0, 'desk', 'XR024'),
('LN025', 'P1012', '30000021', 'BR01', '2023-06-06 17:15:00', '2023-06-13', '2023-06-19 13:15:00', 0, 'kiosk', 'XR025'),
('LN026', 'P1002', '30000002', 'BR04', '2023-06-20 11:40:00', '2023-07-11', '2023-07-09 14:40:00', 0, 'kiosk', 'XR026'),
('LN027', 'P1010', '30000018', 'BR07', '2023-07-04 10:40:00', '2023-07-25', '2023-07-20 13:40:00', 0, 'kiosk', 'XR027'),
('LN028', 'P1017', '30000004', 'BR04', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '3 days' + INTERVAL '15 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '3 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '3 days' + INTERVAL '19 days' + INTERVAL '11 hours', 0, 'kiosk', 'XR028'),
('LN029', 'P1017', '30000028', 'BR04', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '12 days' + INTERVAL '14 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '12 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '12 days' + INTERVAL '18 days' + INTERVAL '17 hours', 0, 'kiosk', 'XR029'),
('LN030', 'P1018', '30000008', 'BR02', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '11 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '5 months' + INTERVAL '6 days' + INTERVAL '19 days' + INTERVAL '14 hours', 0, 'desk', 'XR030'),
('LN031', 'P1019', '30000008', 'BR01', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '8 days' + INTERVAL '11 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '8 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '4 months' + INTERVAL '8 days' + INTERVAL '18 days' + INTERVAL '14 hours', 0, 'desk', 'XR031'),
('LN032', 'P1020', '30000004', 'BR05', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '2 days' + INTERVAL '10 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '2 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '2 days' + INTERVAL '19 days' + INTERVAL '13 hours', 0, 'app', 'XR032'),
('LN033', 'P1020', '30000006', 'BR05', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '9 days' + INTERVAL '14 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '9 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '9 days' + INTERVAL '24 days' + INTERVAL '17 hours', 0, 'app', 'XR033'),
('LN034', 'P1022', '30000005', 'BR03', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '15 days' + INTERVAL '15 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '15 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '3 months' + INTERVAL '15 days' + INTERVAL '19 days' + INTERVAL '11 hours', 0, 'app', 'XR034'),
('LN035', 'P1023', '30000028', 'BR04', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days' + INTERVAL '13 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days' + INTERVAL '22 days' + INTERVAL '16 hours', 0, 'desk', 'XR035'),
('LN036', 'P1023', '30000004', 'BR04', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days' + INTERVAL '16 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '4 days' + INTERVAL '27 days' + INTERVAL '12 hours', 0, 'kiosk', 'XR036'),
('LN037', 'P1023', '30000005', 'BR04', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '18 days' + INTERVAL '17 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '18 days' + INTERVAL '21 days', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '2 months' + INTERVAL '18 days' + INTERVAL '22 days' + INTERVAL '13 hours', 0, 'kiosk', 'XR037'),
('LN038', 'P1024', '30000004', 'BR05', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 months' + INTERVAL '5 days' + INTERVAL '12 hours', DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 months' + INTERVAL '5 days' + INTERVAL '21 days', NULL, 0, 'kiosk', 'XR038'),
('LN039', 'P1002', '30000001', 'BR04', CURRENT_DATE - INTERVAL '120 days' + INTERVAL '14 hours', CURRENT_DATE - INTERVAL '120 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '120 days' + INTERVAL '16 days' + INTERVAL '17 hours', 0, 'desk', 'XR039'),
('LN040', 'P1004', '30000006', 'BR05', CURRENT_DATE - INTERVAL '97 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '97 days' + INTERVAL '35 days', CURRENT_DATE - INTERVAL '97 days' + INTERVAL '36 days' + INTERVAL '13 hours', 1, 'app', 'XR040'),
('LN041', 'P1001', '30000033', 'BR05', CURRENT_DATE - INTERVAL '83 days' + INTERVAL '9 hours', CURRENT_DATE - INTERVAL '83 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '83 days' + INTERVAL '27 days' + INTERVAL '12 hours', 0, 'desk', 'XR041'),
('LN042', 'P1012', '30000030', 'BR07', CURRENT_DATE - INTERVAL '71 days' + INTERVAL '15 hours', CURRENT_DATE - INTERVAL '71 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '71 days' + INTERVAL '27 days' + INTERVAL '11 hours', 0, 'kiosk', 'XR042'),
('LN043', 'P1007', '30000001', 'BR04', CURRENT_DATE - INTERVAL '64 days' + INTERVAL '11 hours', CURRENT_DATE - INTERVAL '64 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '64 days' + INTERVAL '22 days' + INTERVAL '14 hours', 0, 'kiosk', 'XR043'),
('LN044', 'P1009', '30000018', 'BR05', CURRENT_DATE - INTERVAL '58 days' + INTERVAL '9 hours', CURRENT_DATE - INTERVAL '58 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '58 days' + INTERVAL '18 days' + INTERVAL '12 hours', 0, 'app', 'XR044'),
('LN045', 'P1003', '30000019', 'BR05', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '52 days' + INTERVAL '18 days' + INTERVAL '13 hours', 0, 'kiosk', 'XR045'),
('LN046', 'P1005', '30000031', 'BR07', CURRENT_DATE - INTERVAL '40 days' + INTERVAL '13 hours', CURRENT_DATE - INTERVAL '40 days' + INTERVAL '35 days', CURRENT_DATE - INTERVAL '40 days' + INTERVAL '30 days' + INTERVAL '16 hours', 1, 'desk', 'XR046'),
('LN047', 'P1001', '30000010', 'BR01', CURRENT_DATE - INTERVAL '37 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '37 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '37 days' + INTERVAL '16 days' + INTERVAL '13 hours', 0, 'app', 'XR047'),
('LN048', 'P1002', '30000021', 'BR04', CURRENT_DATE - INTERVAL '34 days' + INTERVAL '16 hours', CURRENT_DATE - INTERVAL '34 days' + INTERVAL '7 days', CURRENT_DATE - INTERVAL '34 days' + INTERVAL '13 days' + INTERVAL '12 hours', 0, 'desk', 'XR048'),
('LN049', 'P1017', '30000019', 'BR05', CURRENT_DATE - INTERVAL '31 days' + INTERVAL '17 hours', CURRENT_DATE - INTERVAL '31 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '31 days' + INTERVAL '19 days' + INTERVAL '13 hours', 0, 'desk', 'XR049'),
('LN050', 'P1009', '30000018', 'BR07', CURRENT_DATE - INTERVAL '30 days' + INTERVAL '16 hours', CURRENT_DATE - INTERVAL '30 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '30 days' + INTERVAL '22 days' + INTERVAL '12 hours', 0, 'kiosk', 'XR050'),
('LN051', 'P1019', '30000006', 'BR04', CURRENT_DATE - INTERVAL '28 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '28 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '28 days' + INTERVAL '16 days' + INTERVAL '13 hours', 0, 'kiosk', 'XR051'),
('LN052', 'P1015', '30000006', 'BR04', CURRENT_DATE - INTERVAL '25 days' + INTERVAL '11 hours', CURRENT_DATE - INTERVAL '25 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '25 days' + INTERVAL '20 days' + INTERVAL '14 hours', 0, 'app', 'XR052'),
('LN053', 'P1018', '30000005', 'BR04', CURRENT_DATE - INTERVAL '23 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '23 days' + INTERVAL '21 days', CURRENT_DATE - INTERVAL '23 days' + INTERVAL '16 days' + INTERVAL '13 hours', 0, 'desk', 'XR053'),
('LN054', 'P1001', '30000018', 'BR04', CURRENT_DATE - INTERVAL '22 days' + INTERVAL '12 hours', CURRENT_DATE - INTERVAL '22 days' + INTERVAL '21 days', NULL, 0, 'app', 'XR054'),
('LN055', 'P1023', '30000009', 'BR04', CURRENT_DATE - INTERVAL '20 days' + INTERVAL '11 hours', CURRENT_DATE - INTERVAL '20 days' + INTERVAL '35 days', NULL, 1, 'kiosk', 'XR055'),
('LN056', 'P1005', '30000005', 'BR07', CURRENT_DATE - INTERVAL '18 days' + INTERVAL '12 hours', CURRENT_DATE - INTERVAL '18 days' + INTERVAL '21 days', NULL, 0, 'desk', 'XR056'),
('LN057', 'P1007', '30000010', 'BR01', CURRENT_DATE - INTERVAL '17 days' + INTERVAL '16 hours', CURRENT_DATE - INTERVAL '17 days' + INTERVAL '35 days', NULL, 1, 'app', 'XR057'),
('LN058', 'P1020', '30000023', 'BR05', CURRENT_DATE - INTERVAL '16 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '16 days' + INTERVAL '21 days', NULL, 0, 'desk', 'XR058'),
('LN059', 'P1002', '30000006', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '0 days' + INTERVAL '15 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '0 days' + INTERVAL '21 days', NULL, 0, 'kiosk', 'XR059'),
('LN060', 'P1009', '30000028', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 days' + INTERVAL '16 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '1 days' + INTERVAL '21 days', NULL, 0, 'kiosk', 'XR060'),
('LN061', 'P1001', '30000030', 'BR01', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '12 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '21 days', NULL, 0, 'desk', 'XR061'),
('LN062', 'P1023', '30000002', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '3 days' + INTERVAL '13 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '3 days' + INTERVAL '21 days', NULL, 0, 'desk', 'XR062'),
('LN063', 'P1002', '30000026', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '4 days' + INTERVAL '14 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '4 days' + INTERVAL '7 days', NULL, 0, 'desk', 'XR063'),
('LN064', 'P1005', '30000001', 'BR07', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days' + INTERVAL '16 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days' + INTERVAL '21 days', NULL, 0, 'kiosk', 'XR064'),
('LN065', 'P1012', '30000019', 'BR01', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days' + INTERVAL '15 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '5 days' + INTERVAL '21 days', NULL, 0, 'app', 'XR065'),
('LN066', 'P1009', '30000017', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days' + INTERVAL '16 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days' + INTERVAL '21 days', NULL, 0, 'desk', 'XR066'),
('LN067', 'P1005', '30000007', 'BR07', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '15 hours', CURRENT_DATE - INTERVAL '3 days' + INTERVAL '21 days', NULL, 0, 'desk', 'XR067'),
('LN068', 'P1011', '30000020', 'BR07', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '10 hours', CURRENT_DATE - INTERVAL '2 days' + INTERVAL '7 days', NULL, 0, 'desk', 'XR068');

-- plHold
INSERT INTO plHold (plHdId, plHdPtNo, plHdTtId, plHdPickupBr, plHdPlacedTs, plHdReadyTs, plHdStatus) VALUES
('HD001', 'P1001', 'TT03', 'BR01', '2023-01-16 15:10:00', '2023-01-28 15:10:00', 'collected'),
('HD002', 'P1002', 'TT03', 'BR04', '2023-01-20 11:45:00', '2023-02-14 11:45:00', 'collected'),
('HD003', 'P1005', 'TT07', 'BR07', '2023-02-01 13:45:00', '2023-02-05 13:45:00', 'collected'),
('HD004', 'P1003', 'TT03', 'BR02', '2023-02-09 11:45:00', '2023-02-28 11:45:00', 'lapsed'),
('HD005', 'P1009', 'TT06', 'BR04', '2023-02-27 15:25:00', '2023-03-08 15:25:00', 'collected'),
('HD006', 'P1012', 'TT18', 'BR01', '2023-03-06 12:45:00', '2023-03-09 12:45:00', 'collected'),
('HD007', 'P1004', 'TT06', 'BR05', '2023-03-14 08:45:00', '2023-03-28 08:45:00', 'collected'),
('HD008', 'P1013', 'TT04', 'BR05', '2023-03-21 12:10:00', NULL, 'cancelled'),
('HD009', 'P1014', 'TT09', 'BR03', '2023-04-03 13:10:00', '2023-04-09 13:10:00', 'collected'),
('HD010', 'P1015', 'TT12', 'BR04', '2023-04-17 18:10:00', '2023-04-19 18:10:00', 'lapsed'),
('HD011', 'P1006', 'TT14', 'BR03', '2023-05-08 08:25:00', NULL, 'cancelled'),
('HD012', 'P1002', 'TT05', 'BR04', '2023-05-22 17:45:00', '2023-05-30 17:45:00', 'collected'),
('HD013', 'P1018', 'TT05', 'BR02', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '1 days' + INTERVAL '8 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '1 days' + INTERVAL '11 days' + INTERVAL '8 hours', 'collected'),
('HD014', 'P1009', 'TT03', 'BR07', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '4 days' + INTERVAL '15 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '4 days' + INTERVAL '18 days' + INTERVAL '15 hours', 'collected'),
('HD015', 'P1017', 'TT18', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '5 days' + INTERVAL '8 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '6 weeks' + INTERVAL '5 days' + INTERVAL '5 days' + INTERVAL '8 hours', 'collected'),
('HD016', 'P1020', 'TT14', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '5 weeks' + INTERVAL '0 days' + INTERVAL '16 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '5 weeks' + INTERVAL '0 days' + INTERVAL '7 days' + INTERVAL '16 hours', 'collected'),
('HD017', 'P1001', 'TT05', 'BR01', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '5 weeks' + INTERVAL '3 days' + INTERVAL '17 hours', NULL, 'cancelled'),
('HD018', 'P1023', 'TT04', 'BR07', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '2 days' + INTERVAL '15 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '2 days' + INTERVAL '10 days' + INTERVAL '15 hours', 'lapsed'),
('HD019', 'P1003', 'TT16', 'BR02', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '6 days' + INTERVAL '14 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '6 days' + INTERVAL '4 days' + INTERVAL '14 hours', 'collected'),
('HD020', 'P1007', 'TT10', 'BR01', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days' + INTERVAL '12 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '4 weeks' + INTERVAL '1 days' + INTERVAL '3 days' + INTERVAL '12 hours', 'collected'),
('HD021', 'P1024', 'TT06', 'BR01', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '1 days' + INTERVAL '10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '1 days' + INTERVAL '13 days' + INTERVAL '10 hours', 'ready'),
('HD022', 'P1005', 'TT08', 'BR07', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days' + INTERVAL '18 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '5 days' + INTERVAL '2 days' + INTERVAL '18 hours', 'collected'),
('HD023', 'P1002', 'TT19', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '3 weeks' + INTERVAL '4 days' + INTERVAL '16 hours', NULL, 'waiting'),
('HD024', 'P1012', 'TT20', 'BR01', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '0 days' + INTERVAL '15 hours', NULL, 'waiting'),
('HD025', 'P1022', 'TT07', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '3 days' + INTERVAL '10 hours', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '3 days' + INTERVAL '6 days' + INTERVAL '10 hours', 'ready'),
('HD026', 'P1009', 'TT04', 'BR04', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '2 weeks' + INTERVAL '5 days' + INTERVAL '15 hours', NULL, 'waiting'),
('HD027', 'P1019', 'TT09', 'BR05', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '2 days' + INTERVAL '14 hours', NULL, 'waiting'),
('HD028', 'P1025', 'TT18', 'BR02', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '4 days' + INTERVAL '9 hours', NULL, 'waiting'),
('HD029', 'P1017', 'TT01', 'BR07', DATE_TRUNC('week', CURRENT_DATE) - INTERVAL '1 week' + INTERVAL '6 days' + INTERVAL '11 hours', NULL, 'cancelled');

-- plCharge
INSERT INTO plCharge (plChId, plChPtNo, plChLnId, plChReason, plChAmt, plChPaidAmt, plChRaisedOn, plChPaidDateStr, plChStatus) VALUES
('CH001', 'P1001', 'LN001', 'overdue', 1.2, 1.2, '2023-02-06', '20230206', 'paid'),
('CH002', 'P1002', 'LN002', 'overdue', 2.4, 2.4, '2023-01-30', '20230211', 'paid'),
('CH003', 'P1007', NULL, 'printing', 0.6, 0.6, '2023-01-24', '20230124', 'paid'),
('CH004', 'P1003', 'LN005', 'overdue', 3.5, 0.0, '2023-02-28', NULL, 'open'),
('CH005', 'P1011', NULL, 'printing', 4.8, 4.8, '2023-02-13', '20230213', 'paid'),
('CH006', 'P1005', 'LN007', 'overdue', 0.9, 0.0, '2023-03-10', NULL, 'waived'),
('CH007', 'P1012', 'LN009', 'damage', 6.0, 6.0, '2023-03-20', '20230402', 'paid'),
('CH008', 'P1013', 'LN017', 'overdue', 5.1, 1.0, '2023-03-29', '20230415', 'open'),
('CH009', 'P1006', 'LN020', 'lost', 13.2, 0.0, '2023-05-30', NULL, 'open'),
('CH010', 'P1006', 'LN020', 'overdue', 7.0, 0.0, '2023-05-17', NULL, 'open'),
('CH011', 'P1010', 'LN027', 'lost', 12.3, 0.0, '2023-09-01', NULL, 'open'),
('CH012', 'P1008', 'LN021', 'damage', 4.5, 2.0, '2023-05-12', '20230620', 'open'),
('CH013', 'P1015', NULL, 'printing', 2.1, 2.1, '2023-05-04', '20230504', 'paid'),
('CH014', 'P1009', 'LN004', 'overdue', 1.8, 1.8, '2023-03-03', '20230303', 'paid'),
('CH015', 'P1004', NULL, 'printing', 3.3, 3.3, CURRENT_DATE - INTERVAL '140 days', TO_CHAR(CURRENT_DATE - INTERVAL '140 days', 'YYYYMMDD'), 'paid'),
('CH016', 'P1017', 'LN028', 'overdue', 2.6, 2.6, CURRENT_DATE - INTERVAL '110 days', TO_CHAR(CURRENT_DATE - INTERVAL '101 days', 'YYYYMMDD'), 'paid'),
('CH017', 'P1001', NULL, 'overdue', 1.5, 1.5, CURRENT_DATE - INTERVAL '60 days', TO_CHAR(CURRENT_DATE - INTERVAL '52 days', 'YYYYMMDD'), 'paid'),
('CH018', 'P1020', 'LN032', 'overdue', 4.2, 1.2, CURRENT_DATE - INTERVAL '55 days', TO_CHAR(CURRENT_DATE - INTERVAL '41 days', 'YYYYMMDD'), 'open'),
('CH019', 'P1021', NULL, 'printing', 5.4, 0.0, CURRENT_DATE - INTERVAL '49 days', NULL, 'open'),
('CH020', 'P1003', NULL, 'damage', 9.99, 0.0, CURRENT_DATE - INTERVAL '44 days', NULL, 'open'),
('CH021', 'P1012', NULL, 'overdue', 2.1, 0.0, CURRENT_DATE - INTERVAL '38 days', NULL, 'waived'),
('CH022', 'P1023', 'LN035', 'damage', 8.49, 8.49, CURRENT_DATE - INTERVAL '33 days', TO_CHAR(CURRENT_DATE - INTERVAL '20 days', 'YYYYMMDD'), 'paid'),
('CH023', 'P1007', NULL, 'lost', 6.99, 3.5, CURRENT_DATE - INTERVAL '26 days', TO_CHAR(CURRENT_DATE - INTERVAL '12 days', 'YYYYMMDD'), 'open'),
('CH024', 'P1002', NULL, 'printing', 1.75, 1.75, CURRENT_DATE - INTERVAL '21 days', TO_CHAR(CURRENT_DATE - INTERVAL '21 days', 'YYYYMMDD'), 'paid'),
('CH025', 'P1009', NULL, 'overdue', 3.6, 3.6, CURRENT_DATE - INTERVAL '15 days', TO_CHAR(CURRENT_DATE - INTERVAL '9 days', 'YYYYMMDD'), 'paid'),
('CH026', 'P1005', NULL, 'lost', 10.99, 0.0, CURRENT_DATE - INTERVAL '11 days', NULL, 'open'),
('CH027', 'P1019', NULL, 'overdue', 0.8, 0.3, CURRENT_DATE - INTERVAL '6 days', TO_CHAR(CURRENT_DATE - INTERVAL '4 days', 'YYYYMMDD'), 'open'),
('CH028', 'P1024', NULL, 'printing', 2.2, 2.2, CURRENT_DATE - INTERVAL '3 days', TO_CHAR(CURRENT_DATE - INTERVAL '3 days', 'YYYYMMDD'), 'paid');

-- plEvent
INSERT INTO plEvent (plEvId, plEvBrCode, plEvName, plEvKind, plEvStartTs, plEvSeats, plEvAttended, plEvFee) VALUES
('EV01', 'BR01', 'Rhyme Time', 'storytime', '2023-01-14 10:30:00', 25, 22, 0),
('EV02', 'BR04', 'Family History for Beginners', 'workshop', '2023-01-21 14:00:00', 16, 16, 5),
('EV03', 'BR04', 'An Evening with Local Poets', 'talk', '2023-02-09 19:00:00', 60, 38, 3.5),
('EV04', 'BR07', 'Crime Readers', 'bookclub', '2023-02-16 18:30:00', 14, 11, 0),
('EV05', 'BR05', 'Seabird Watch', 'talk', '2023-03-04 11:00:00', 40, NULL, 0),
('EV06', 'BR02', 'Rhyme Time', 'storytime', '2023-03-11 10:30:00', 20, 14, 0),
('EV07', 'BR03', 'Mend Your Jumper', 'workshop', '2023-03-25 13:00:00', 12, 9, 6),
('EV08', 'BR04', 'Crime Readers', 'bookclub', '2023-04-13 18:30:00', 14, 13, 0),
('EV09', 'BR01', 'Rhyme Time', 'storytime', CURRENT_DATE - INTERVAL '70 days' + INTERVAL '10 hours', 25, 19, 0),
('EV10', 'BR04', 'Coding Club', 'workshop', CURRENT_DATE - INTERVAL '56 days' + INTERVAL '15 hours', 18, 18, 2),
('EV11', 'BR05', 'Tide Tables Explained', 'talk', CURRENT_DATE - INTERVAL '43 days' + INTERVAL '18 hours', 40, 27, 0),
('EV12', 'BR07', 'Crime Readers', 'bookclub', CURRENT_DATE - INTERVAL '35 days' + INTERVAL '18 hours', 14, 10, 0),
('EV13', 'BR02', 'Rhyme Time', 'storytime', CURRENT_DATE - INTERVAL '28 days' + INTERVAL '10 hours', 20, 17, 0),
('EV14', 'BR04', 'Tax Return Clinic', 'talk', CURRENT_DATE - INTERVAL '13 days' + INTERVAL '17 hours', 50, NULL, 0),
('EV15', 'BR03', 'Bookbinding', 'workshop', CURRENT_DATE - INTERVAL '8 days' + INTERVAL '13 hours', 10, 7, 7.5),
('EV16', 'BR04', 'Big Winter Read', 'bookclub', CURRENT_DATE - INTERVAL '4 days' + INTERVAL '18 hours', 30, 24, 0);

-- plDoorCount
INSERT INTO plDoorCount (plDcBrCode, plDcDate, plDcVisitors, plDcOpenHrs, plDcEpochMs, plDcSource) VALUES
('BR01', '2023-01-07', 206, 8.0, 1673049600000, 'gate'),
('BR01', '2023-01-21', 189, 8.0, 1674259200000, 'gate'),
('BR01', '2023-02-07', 179, 8.0, 1675728000000, 'gate'),
('BR01', '2023-02-21', 190, 8.0, 1676937600000, 'gate'),
('BR01', '2023-03-07', 227, 8.0, 1678147200000, 'gate'),
('BR01', '2023-03-21', 209, 8.0, 1679356800000, 'gate'),
('BR04', '2023-01-07', 465, 8.0, 1673049600000, 'gate'),
('BR04', '2023-01-21', 535, 8.0, 1674259200000, 'gate'),
('BR04', '2023-02-07', 569, 8.0, 1675728000000, 'gate'),
('BR04', '2023-02-21', 543, 8.0, 1676937600000, 'gate'),
('BR04', '2023-03-07', 638, 8.0, 1678147200000, 'gate'),
('BR04', '2023-03-21', 713, 8.0, 1679356800000, 'gate'),
('BR03', '2023-01-07', 76, 5.5, 1673049600000, 'gate'),
('BR03', '2023-01-21', 74, 5.5, 1674259200000, 'gate'),
('BR03', '2023-02-07', 71, 5.5, 1675728000000, 'gate'),
('BR03', '2023-02-21', 82, 5.5, 1676937600000, 'gate'),
('BR03', '2023-03-07', 97, 5.5, 1678147200000, 'gate'),
('BR03', '2023-03-21', 97, 5.5, 1679356800000, 'gate'),
('BR01', CURRENT_DATE - INTERVAL '12 days', 172, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '12 days') * 1000, 'gate'),
('BR01', CURRENT_DATE - INTERVAL '10 days', 201, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '10 days') * 1000, 'gate'),
('BR01', CURRENT_DATE - INTERVAL '8 days', 148, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '8 days') * 1000, 'gate'),
('BR01', CURRENT_DATE - INTERVAL '6 days', 235, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '6 days') * 1000, 'gate'),
('BR01', CURRENT_DATE - INTERVAL '5 days', 163, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '5 days') * 1000, 'manual'),
('BR01', CURRENT_DATE - INTERVAL '3 days', 236, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '3 days') * 1000, 'manual'),
('BR01', CURRENT_DATE - INTERVAL '1 day', 262, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '1 day') * 1000, 'manual'),
('BR01', CURRENT_DATE, 271, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE) * 1000, 'gate'),
('BR04', CURRENT_DATE - INTERVAL '12 days', 592, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '12 days') * 1000, 'gate'),
('BR04', CURRENT_DATE - INTERVAL '10 days', 551, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '10 days') * 1000, 'gate'),
('BR04', CURRENT_DATE - INTERVAL '8 days', 407, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '8 days') * 1000, 'gate'),
('BR04', CURRENT_DATE - INTERVAL '6 days', 529, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '6 days') * 1000, 'gate'),
('BR04', CURRENT_DATE - INTERVAL '5 days', 576, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '5 days') * 1000, 'manual'),
('BR04', CURRENT_DATE - INTERVAL '3 days', 649, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '3 days') * 1000, 'gate'),
('BR04', CURRENT_DATE - INTERVAL '1 day', 608, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '1 day') * 1000, 'gate'),
('BR04', CURRENT_DATE, 625, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE) * 1000, 'gate'),
('BR05', CURRENT_DATE - INTERVAL '8 days', 94, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '8 days') * 1000, 'gate'),
('BR05', CURRENT_DATE - INTERVAL '6 days', 104, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '6 days') * 1000, 'gate'),
('BR05', CURRENT_DATE - INTERVAL '5 days', 132, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '5 days') * 1000, 'gate'),
('BR05', CURRENT_DATE - INTERVAL '3 days', 122, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '3 days') * 1000, 'gate'),
('BR05', CURRENT_DATE - INTERVAL '1 day', 134, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '1 day') * 1000, 'gate'),
('BR05', CURRENT_DATE, 163, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE) * 1000, 'gate'),
('BR07', CURRENT_DATE - INTERVAL '12 days', 190, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '12 days') * 1000, 'gate'),
('BR07', CURRENT_DATE - INTERVAL '10 days', 236, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '10 days') * 1000, 'gate'),
('BR07', CURRENT_DATE - INTERVAL '8 days', 201, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '8 days') * 1000, 'gate'),
('BR07', CURRENT_DATE - INTERVAL '6 days', 236, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '6 days') * 1000, 'gate'),
('BR07', CURRENT_DATE - INTERVAL '5 days', 251, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '5 days') * 1000, 'gate'),
('BR07', CURRENT_DATE - INTERVAL '3 days', 192, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '3 days') * 1000, 'gate'),
('BR07', CURRENT_DATE - INTERVAL '1 day', 256, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '1 day') * 1000, 'manual'),
('BR07', CURRENT_DATE, 314, 8.0, EXTRACT(EPOCH FROM CURRENT_DATE) * 1000, 'manual'),
('BR03', CURRENT_DATE - INTERVAL '9 days', 75, 5.5, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '9 days') * 1000, 'manual'),
('BR03', CURRENT_DATE - INTERVAL '8 days', 67, 5.5, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '8 days') * 1000, 'manual'),
('BR03', CURRENT_DATE - INTERVAL '4 days', 64, 5.5, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '4 days') * 1000, 'manual'),
('BR03', CURRENT_DATE - INTERVAL '2 days', 53, 5.5, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '2 days') * 1000, 'manual'),
('BR03', CURRENT_DATE - INTERVAL '1 day', 93, 5.5, EXTRACT(EPOCH FROM CURRENT_DATE - INTERVAL '1 day') * 1000, 'manual');
