-- Contribution: rosters, remittances, receipts; days' matches and signatures.

CREATE TABLE roster (                       -- 缴存清册 as checked; changes nothing until its remittance is registered
  centre_id    smallint NOT NULL,
  roster_id    bigint   NOT NULL,
  employer_id  bigint   NOT NULL,
  month        integer  NOT NULL,
  mode         text     NOT NULL CHECK (mode IN ('complete', 'changes')),
  digest       bytea    NOT NULL,           -- SHA-256 of the resulting list
  lines        integer  NOT NULL,
  total_fen    bigint   NOT NULL,
  list_version integer  NOT NULL,           -- the list of members that it was checked against
  changes      jsonb    NOT NULL,
  differences  jsonb    NOT NULL,           -- names and numbers masked
  notices      jsonb    NOT NULL,
  equation     jsonb    NOT NULL,           -- REMIT-08
  ratio_employer_bp integer NOT NULL,       -- the employer's ratio after it
  ratio_employee_bp integer NOT NULL,
  uploaded_at  timestamptz NOT NULL,
  uploaded_by  bigint   NOT NULL,
  PRIMARY KEY (centre_id, roster_id)
);
CREATE INDEX roster_employer ON roster (centre_id, employer_id, roster_id);

CREATE TABLE roster_row (                   -- the resulting list; sealed people carry no money
  centre_id     smallint NOT NULL,
  roster_id     bigint   NOT NULL,
  line          integer  NOT NULL,
  change        smallint NOT NULL,          -- 0 none, 1 added, 2 unsealed, 3 sealed, 4 base, 5 ratio
  person_id     bigint   NOT NULL,
  account_id    bigint   NOT NULL,
  membership_id bigint   NOT NULL,
  is_new_person boolean  NOT NULL,
  is_new_account boolean NOT NULL,          -- false: the sealed account of another employer is taken over
  base_fen      bigint   NOT NULL,
  ratio_employer_bp integer NOT NULL,
  ratio_employee_bp integer NOT NULL,
  employer_fen  bigint   NOT NULL,
  employee_fen  bigint   NOT NULL,
  id_index      bytea,
  id_sealed     bytea,
  name_index    bytea,
  name_sealed   bytea,
  phone_index   bytea,
  phone_sealed  bytea,
  PRIMARY KEY (centre_id, roster_id, line)
);

CREATE TABLE remittance (                   -- 汇缴
  centre_id     smallint NOT NULL,
  remittance_id bigint   NOT NULL,
  employer_id   bigint   NOT NULL,
  roster_id     bigint   NOT NULL,
  month         integer  NOT NULL,
  state         smallint NOT NULL,          -- 1 awaiting, 2 part_received, 3 allocated, 4 cancelled, 5 expired
  reference     text     NOT NULL,          -- 缴款码
  bank          text     NOT NULL,
  people        integer  NOT NULL,
  amount_fen    bigint   NOT NULL CHECK (amount_fen > 0),
  received_fen  bigint   NOT NULL DEFAULT 0,
  allocated_fen bigint   NOT NULL DEFAULT 0,
  due_on        date     NOT NULL,
  expires_on    date     NOT NULL,
  digest        bytea    NOT NULL,
  registered_at timestamptz NOT NULL,
  registered_by bigint   NOT NULL,
  allocated_at  timestamptz,
  allocation_ms integer,
  journal_id    bigint,
  PRIMARY KEY (centre_id, remittance_id),
  UNIQUE (centre_id, reference)
);
CREATE UNIQUE INDEX remittance_live ON remittance (centre_id, employer_id, month) WHERE state IN (1, 2, 3);
CREATE INDEX remittance_employer ON remittance (centre_id, employer_id, remittance_id);
CREATE INDEX remittance_due ON remittance (centre_id, (amount_fen - received_fen), remittance_id) WHERE state IN (1, 2);

CREATE TABLE remittance_line (              -- the list that was confirmed is the list that is paid and allocated
  centre_id     smallint NOT NULL,
  remittance_id bigint   NOT NULL,
  account_id    bigint   NOT NULL,
  person_id     bigint   NOT NULL,
  month         integer  NOT NULL,
  base_fen      bigint   NOT NULL,
  employer_fen  bigint   NOT NULL,
  employee_fen  bigint   NOT NULL,
  PRIMARY KEY (centre_id, account_id, month, remittance_id)      -- a person's months
);
CREATE INDEX remittance_line_list ON remittance_line (centre_id, remittance_id);

CREATE TABLE receipt (                      -- 到账流水
  centre_id     smallint NOT NULL,
  receipt_id    bigint   NOT NULL,
  bank          text     NOT NULL,
  serial        text     NOT NULL,
  book_date     date     NOT NULL,
  received_at   timestamptz NOT NULL,
  amount_fen    bigint   NOT NULL CHECK (amount_fen > 0),
  payer_account text     NOT NULL,
  payer_name    text     NOT NULL,
  remark        text     NOT NULL,
  state         smallint NOT NULL,          -- 1 unidentified, 2 in the employer's suspense, 3 applied, 4 returned
  reason        text     NOT NULL,          -- why it stands where it stands
  employer_id   bigint,
  remittance_id bigint,
  matched_by    text,                       -- reference, payer, staff
  journal_id    bigint   NOT NULL,
  PRIMARY KEY (centre_id, receipt_id),
  UNIQUE (centre_id, bank, serial)
);
CREATE INDEX receipt_state ON receipt (centre_id, state, receipt_id);
CREATE INDEX receipt_employer ON receipt (centre_id, employer_id, receipt_id);

CREATE TABLE suspense_match (               -- 不明来款的认领或退回: made by one, checked by another
  centre_id   smallint NOT NULL,
  match_id    bigint   NOT NULL,
  receipt_id  bigint   NOT NULL,
  action      text     NOT NULL CHECK (action IN ('identify', 'return')),
  employer_id bigint,
  reason      text     NOT NULL,
  state       smallint NOT NULL,            -- 1 waiting for the checker, 2 done, 3 sent back
  maker_id    bigint   NOT NULL,
  made_at     timestamptz NOT NULL,
  checker_id  bigint,
  checked_at  timestamptz,
  answer      text,
  end_to_end_id text,
  pay_state   smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (centre_id, match_id),
  CHECK (checker_id IS NULL OR checker_id <> maker_id)
);
CREATE UNIQUE INDEX suspense_match_live ON suspense_match (centre_id, receipt_id) WHERE state = 1;
CREATE INDEX suspense_match_waiting ON suspense_match (centre_id, match_id) WHERE state = 1;

CREATE TABLE employer_account_known (       -- payer accounts seen for an employer, for matching by payer
  centre_id     smallint NOT NULL,
  employer_id   bigint   NOT NULL,
  payer_account text     NOT NULL,
  PRIMARY KEY (centre_id, payer_account, employer_id)
);

CREATE TABLE day_match (                    -- 每日三方对账: books, bank, cases for each bank
  centre_id     smallint NOT NULL,
  business_date date     NOT NULL,
  bank          text     NOT NULL,
  book_fen      bigint   NOT NULL,
  bank_fen      bigint,                     -- null: no statement
  in_transit_in_fen  bigint NOT NULL DEFAULT 0,
  in_transit_out_fen bigint NOT NULL DEFAULT 0,
  differences   jsonb    NOT NULL,
  matched_at    timestamptz NOT NULL,
  PRIMARY KEY (centre_id, business_date, bank)
);

CREATE TABLE day_signature (                    -- 日结: proposed by one, confirmed by another
  centre_id     smallint NOT NULL,
  business_date date     NOT NULL,
  maker_id      bigint   NOT NULL,
  made_at       timestamptz NOT NULL,
  checker_id    bigint,
  checked_at    timestamptz,
  state         smallint NOT NULL,          -- 1 proposed, 2 closed, 3 sent back
  remark        text     NOT NULL DEFAULT '',
  PRIMARY KEY (centre_id, business_date),
  CHECK (checker_id IS NULL OR checker_id <> maker_id)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON roster, roster_row, remittance, remittance_line, receipt, suspense_match, employer_account_known,
      day_match, day_signature TO anju_app;
    GRANT UPDATE ON remittance, receipt, suspense_match, day_match, day_signature TO anju_app;
    GRANT DELETE ON roster_row TO anju_app;
  END IF;
END $$;
