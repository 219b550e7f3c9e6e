-- 时间机器: an employer and its people as they stood on any past day. membership and employer keep what holds now; what held before was in
-- lists (by month, confirmed people alone) and in case events (words), from neither of which a day can be read again.
--
-- Written by triggers, so that no statement that changes a membership can forget it: one row for a day on which something changed, its last
-- state. The day is the open business day, by which postings are dated as well, so that members and balances of a day fit together.
CREATE TABLE membership_day (
  centre_id         smallint NOT NULL,
  membership_id     bigint   NOT NULL,
  from_day          date     NOT NULL,          -- until the next row's
  employer_id       bigint   NOT NULL,
  person_id         bigint   NOT NULL,
  account_id        bigint   NOT NULL,
  state             smallint NOT NULL,
  base_fen          bigint   NOT NULL,
  ratio_employer_bp integer  NOT NULL,
  ratio_employee_bp integer  NOT NULL,
  employer_fen      bigint   NOT NULL,
  employee_fen      bigint   NOT NULL,
  PRIMARY KEY (centre_id, membership_id, from_day)
);
CREATE INDEX membership_day_employer ON membership_day (centre_id, employer_id, membership_id, from_day);  -- an employer's people
CREATE INDEX membership_day_person ON membership_day (centre_id, person_id, from_day);                     -- a person's employers

CREATE TABLE employer_day (
  centre_id         smallint NOT NULL,
  employer_id       bigint   NOT NULL,
  from_day          date     NOT NULL,
  name              text     NOT NULL,
  state             smallint NOT NULL,
  branch_id         smallint NOT NULL,
  ratio_employer_bp integer  NOT NULL,
  ratio_employee_bp integer  NOT NULL,
  paid_to_month     integer  NOT NULL,
  PRIMARY KEY (centre_id, employer_id, from_day)
);

CREATE FUNCTION keep_membership_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO membership_day (centre_id, membership_id, from_day, employer_id, person_id, account_id, state, base_fen, ratio_employer_bp,
                              ratio_employee_bp, employer_fen, employee_fen)
  SELECT n.centre_id, n.membership_id, d.open_date, n.employer_id, n.person_id, n.account_id, n.state, n.base_fen, n.ratio_employer_bp,
         n.ratio_employee_bp, n.employer_fen, n.employee_fen
    FROM changed n
    JOIN business_day d ON d.centre_id = n.centre_id
      ON CONFLICT (centre_id, membership_id, from_day) DO UPDATE
     SET employer_id = excluded.employer_id, person_id = excluded.person_id, account_id = excluded.account_id, state = excluded.state,
         base_fen = excluded.base_fen, ratio_employer_bp = excluded.ratio_employer_bp, ratio_employee_bp = excluded.ratio_employee_bp,
         employer_fen = excluded.employer_fen, employee_fen = excluded.employee_fen;
  RETURN NULL;
END $$;
CREATE TRIGGER membership_day_added AFTER INSERT ON membership REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION keep_membership_day();
CREATE TRIGGER membership_day_changed AFTER UPDATE ON membership REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION keep_membership_day();

CREATE FUNCTION keep_employer_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO employer_day (centre_id, employer_id, from_day, name, state, branch_id, ratio_employer_bp, ratio_employee_bp, paid_to_month)
  SELECT n.centre_id, n.employer_id, d.open_date, n.name, n.state, n.branch_id, n.ratio_employer_bp, n.ratio_employee_bp, n.paid_to_month
    FROM changed n
    JOIN business_day d ON d.centre_id = n.centre_id
      ON CONFLICT (centre_id, employer_id, from_day) DO UPDATE
     SET name = excluded.name, state = excluded.state, branch_id = excluded.branch_id, ratio_employer_bp = excluded.ratio_employer_bp,
         ratio_employee_bp = excluded.ratio_employee_bp, paid_to_month = excluded.paid_to_month;
  RETURN NULL;
END $$;
CREATE TRIGGER employer_day_added AFTER INSERT ON employer REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION keep_employer_day();
CREATE TRIGGER employer_day_changed AFTER UPDATE ON employer REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION keep_employer_day();

-- What stands now is known from today on; what stood before this release was never kept.
INSERT INTO membership_day
SELECT m.centre_id, m.membership_id, d.open_date, m.employer_id, m.person_id, m.account_id, m.state, m.base_fen, m.ratio_employer_bp,
       m.ratio_employee_bp, m.employer_fen, m.employee_fen
  FROM membership m JOIN business_day d USING (centre_id);
INSERT INTO employer_day
SELECT e.centre_id, e.employer_id, d.open_date, e.name, e.state, e.branch_id, e.ratio_employer_bp, e.ratio_employee_bp, e.paid_to_month
  FROM employer e JOIN business_day d USING (centre_id);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON membership_day, employer_day TO anju_app;
  END IF;
END $$;
