-- 定向授信 (contribution.md §10.2, organisation.md §3): to which bank an employer or a person lets the centre give an extract of the contribution
-- history, what was given, and what the bank said.
--
-- Not in `business_case`: the case ends when the extract is given, and banks report for months after it. Not in `consent`: that says what
-- was allowed and knows no bank, no extract and no amount. Not in `inbox`: its rows are entries of accounts.
CREATE TABLE credit_referral (
  centre_id     smallint NOT NULL,
  referral_id   bigint   NOT NULL,          -- the case
  applicant_id  bigint   NOT NULL,          -- employer or person
  kind          smallint NOT NULL,          -- 1 employer, 2 person
  branch_id     smallint NOT NULL,          -- that keeps the applicant
  bank          text     NOT NULL,
  consent_id    bigint   NOT NULL,
  until         date     NOT NULL,          -- last day of the consent
  withdrawn_at  timestamptz,                -- the consent was taken back: no further extract
  state         smallint NOT NULL,          -- 1 with the bank, 2 granted, 3 refused
  granted_fen   bigint   NOT NULL DEFAULT 0 CHECK (granted_fen >= 0),
  used_fen      bigint   NOT NULL DEFAULT 0 CHECK (used_fen >= 0),
  reason        text,                       -- the bank's, where it refused
  answered_at   timestamptz,                -- the first answer
  granted_month integer,                    -- of the first grant
  PRIMARY KEY (centre_id, referral_id)
);
CREATE INDEX credit_referral_applicant ON credit_referral (centre_id, applicant_id, referral_id);  -- his referrals
CREATE INDEX credit_referral_consent ON credit_referral (centre_id, consent_id);                   -- what ends with a consent

CREATE TABLE credit_extract (               -- 缴存提取件: figures without a name
  centre_id   smallint NOT NULL,
  referral_id bigint   NOT NULL,
  number      smallint NOT NULL,
  as_of       date     NOT NULL,
  figures     jsonb    NOT NULL,
  digest      bytea    NOT NULL,            -- SHA-256 of their canonical form, also in the case's evidence
  made_at     timestamptz NOT NULL,
  taken_at    timestamptz,                  -- the bank has it
  PRIMARY KEY (centre_id, referral_id, number)
);

CREATE TABLE credit_report (                -- what banks said, each once
  centre_id   smallint NOT NULL,
  bank        text     NOT NULL,
  message_id  text     NOT NULL,
  referral_id bigint   NOT NULL,
  said        text     NOT NULL,            -- granted, refused, used, again
  amount_fen  bigint,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (centre_id, bank, message_id)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON credit_referral, credit_extract TO anju_app;
    GRANT SELECT, INSERT ON credit_report TO anju_app;
  END IF;
END $$;
