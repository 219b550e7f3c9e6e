-- People, employers, staff, sessions, cases, facts, queues: what casework keeps.
-- ID numbers, phones, cards and names of people are sealed (authenticated encryption, key id inside the sealed value)
-- and found by keyed blind indexes; two index columns, so that the index key can rotate.

CREATE TABLE centre (
  centre_id smallint PRIMARY KEY,
  code      text NOT NULL UNIQUE,
  name      text NOT NULL,
  demo      boolean NOT NULL DEFAULT false
);

CREATE TABLE branch (                       -- 中心、分中心、办事处
  centre_id smallint NOT NULL,
  branch_id smallint   NOT NULL,
  parent_id smallint,
  kind      text     NOT NULL CHECK (kind IN ('centre', 'sub_centre', 'office')),
  name      text     NOT NULL,
  district  text     NOT NULL,
  address   text     NOT NULL,
  hours     text     NOT NULL,
  bank      text     NOT NULL,              -- the entrusted bank of its employers
  PRIMARY KEY (centre_id, branch_id)
);

CREATE TABLE fund_account (                 -- 专户: the centre's account at each entrusted bank
  centre_id       smallint NOT NULL,
  bank            text     NOT NULL,        -- B1…B8
  bank_name       text     NOT NULL,
  account_no      text     NOT NULL,
  holder          text     NOT NULL,
  deposit_id      bigint   NOT NULL,        -- ledger account 10101 of this bank
  unidentified_id bigint   NOT NULL,        -- ledger account 21903 of this bank
  PRIMARY KEY (centre_id, bank)
);

CREATE TABLE person (                       -- 个人客户
  centre_id        smallint NOT NULL,
  person_id        bigint   NOT NULL,
  id_index         bytea    NOT NULL,
  id_index_before  bytea,
  id_sealed        bytea    NOT NULL,
  name_index       bytea    NOT NULL,
  name_sealed      bytea    NOT NULL,
  phone_index      bytea,
  phone_sealed     bytea,
  phone_changed_at timestamptz,             -- null: only ever registered once (CMN-14)
  card_sealed      bytea,
  card_bank        text,
  card_checked_on  date,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (centre_id, person_id)
);
CREATE UNIQUE INDEX person_id_index ON person (centre_id, id_index);      -- look-up by whole ID number
CREATE INDEX person_phone_index ON person (centre_id, phone_index);        -- look-up by whole phone
CREATE INDEX person_name_index ON person (centre_id, name_index);          -- look-up by exact normalised name

CREATE TABLE employer (                     -- 缴存单位与单位账户
  centre_id            smallint NOT NULL,
  employer_id          bigint   NOT NULL,
  uscc                 text     NOT NULL,
  name                 text     NOT NULL,
  kind                 text     NOT NULL CHECK (kind IN ('机关', '事业', '国企', '私企', '外企', '社会组织', '其他')),
  district             text     NOT NULL,
  address              text,
  legal_representative_sealed bytea NOT NULL,
  branch_id            smallint   NOT NULL,
  bank                 text     NOT NULL,
  ratio_employer_bp    integer  NOT NULL,
  ratio_employee_bp    integer  NOT NULL,
  payday               smallint CHECK (payday BETWEEN 1 AND 31),
  first_month          integer  NOT NULL,   -- 12 × year + month − 1
  paid_to_month        integer  NOT NULL,   -- first_month − 1 until the first allocation
  suspense_account_id  bigint   NOT NULL,
  list_version         integer  NOT NULL DEFAULT 0,   -- counts changes of the list of members
  founded_on           date,
  late_registration    boolean  NOT NULL DEFAULT false,   -- W-EMPR-07
  state                smallint NOT NULL DEFAULT 1,    -- 1 active, 2 deferred, 3 sealed, 9 cancelled
  opened_at            timestamptz NOT NULL,
  PRIMARY KEY (centre_id, employer_id)
);
CREATE UNIQUE INDEX employer_uscc ON employer (centre_id, uscc) WHERE state <> 9;
CREATE INDEX employer_name ON employer (centre_id, name);

CREATE TABLE clerk (                        -- 经办人
  centre_id   smallint NOT NULL,
  clerk_id    bigint   NOT NULL,
  employer_id bigint   NOT NULL,
  name_sealed bytea    NOT NULL,
  phone_index bytea    NOT NULL,
  phone_sealed bytea   NOT NULL,
  ended_at    timestamptz,
  PRIMARY KEY (centre_id, clerk_id)
);
CREATE UNIQUE INDEX clerk_phone ON clerk (centre_id, employer_id, phone_index) WHERE ended_at IS NULL;

CREATE TABLE membership (                   -- 任职关系: a person's account at an employer
  centre_id         smallint NOT NULL,
  membership_id     bigint   NOT NULL,
  person_id         bigint   NOT NULL,
  employer_id       bigint   NOT NULL,
  account_id        bigint   NOT NULL,      -- the person's fund account in the ledger
  state             smallint NOT NULL,      -- 1 active 正常, 2 sealed 封存, 9 ended
  base_fen          bigint   NOT NULL CHECK (base_fen > 0),
  ratio_employer_bp integer  NOT NULL,
  ratio_employee_bp integer  NOT NULL,
  employer_fen      bigint   NOT NULL,
  employee_fen      bigint   NOT NULL,
  from_month        integer  NOT NULL,
  base_year         integer,                -- contribution year in which the base was last adjusted (BASE-03)
  sealed_on         date,
  seal_reason       text,
  opened_on         date     NOT NULL,
  PRIMARY KEY (centre_id, membership_id)
);
CREATE UNIQUE INDEX membership_live ON membership (centre_id, person_id) WHERE state <> 9;   -- one person, one account
CREATE INDEX membership_employer ON membership (centre_id, employer_id, membership_id);
CREATE INDEX membership_account ON membership (centre_id, account_id);

CREATE TABLE staff (                        -- 工作人员
  centre_id     smallint NOT NULL,
  staff_id      bigint   NOT NULL,
  number        text     NOT NULL,
  name          text     NOT NULL,
  branch_id     smallint   NOT NULL,
  roles         text[]   NOT NULL,
  password_hash text     NOT NULL,
  totp_sealed   bytea    NOT NULL,
  totp_last     bigint   NOT NULL DEFAULT 0,      -- the last accepted time step: a code is good once
  failures      integer  NOT NULL DEFAULT 0,
  locked_until  timestamptz,
  ended_at      timestamptz,
  PRIMARY KEY (centre_id, staff_id),
  UNIQUE (centre_id, number)
);

CREATE TABLE session (
  token_hash   bytea    PRIMARY KEY,
  centre_id    smallint NOT NULL,
  session_id   bigint   NOT NULL UNIQUE,    -- names the session on the page that lists and ends it
  audience     smallint NOT NULL,           -- 1 person, 2 clerk, 3 staff
  subject_id   bigint   NOT NULL,           -- person, clerk or staff
  employer_id  bigint,                      -- the clerk's employer
  level        text     NOT NULL,
  csrf         text     NOT NULL,
  device       text     NOT NULL,
  created_at   timestamptz NOT NULL,
  seen_at      timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  face_digest  bytea,                       -- step-up: the action it is bound to
  face_at      timestamptz,
  served_person bigint,                     -- at the counter: who stands before the teller
  served_reason text
);
CREATE INDEX session_subject ON session (centre_id, audience, subject_id, session_id);

CREATE TABLE login_code (                   -- one-time codes by SMS; only their hash is kept
  centre_id   smallint NOT NULL,
  code_id     bigint   NOT NULL,
  phone_index bytea    NOT NULL,
  purpose     text     NOT NULL,
  code_hash   bytea    NOT NULL,
  sent_at     timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  attempts    smallint NOT NULL DEFAULT 0,
  used_at     timestamptz,
  PRIMARY KEY (centre_id, code_id)
);
CREATE INDEX login_code_phone ON login_code (centre_id, phone_index, sent_at);

CREATE TABLE consent (                      -- 授权
  centre_id   smallint NOT NULL,
  consent_id  bigint   NOT NULL,
  person_id   bigint   NOT NULL,
  service     text     NOT NULL,
  case_id     bigint,
  fact_types  text[]   NOT NULL,
  purpose     text     NOT NULL,
  text_digest bytea    NOT NULL,
  channel     text     NOT NULL,
  given_at    timestamptz NOT NULL,
  until       timestamptz,
  withdrawn_at timestamptz,
  PRIMARY KEY (centre_id, consent_id)
);
CREATE INDEX consent_person ON consent (centre_id, person_id, consent_id);

CREATE TABLE access_log (                   -- 谁看过我的信息
  centre_id smallint NOT NULL,
  access_id bigint   NOT NULL,
  at        timestamptz NOT NULL,
  audience  smallint NOT NULL,              -- who looked: 1 the person, 2 a clerk, 3 staff, 4 an interface
  actor_id  bigint   NOT NULL,
  person_id bigint   NOT NULL,              -- who was looked at
  what      text     NOT NULL,
  reason    text     NOT NULL,
  case_id   bigint,
  PRIMARY KEY (centre_id, access_id)
);
CREATE INDEX access_log_person ON access_log (centre_id, person_id, access_id);

CREATE TABLE business_case (                -- 办件
  case_id      bigint   NOT NULL,
  applicant_id bigint   NOT NULL,           -- person or employer, as the service's audience says
  account_id   bigint,
  amount_fen   bigint,
  submitted_at timestamptz NOT NULL,
  promised_at  timestamptz NOT NULL,
  next_try_at  timestamptz,                 -- a waiting case: when its sources are asked again
  journal_id   bigint,
  branch_id    smallint   NOT NULL,           -- the branch that keeps the account
  served_by    bigint,                      -- the teller, at the counter
  policy_id    integer  NOT NULL,
  version      integer  NOT NULL DEFAULT 1,
  centre_id    smallint NOT NULL,
  state        smallint NOT NULL,
  pay_state    smallint NOT NULL DEFAULT 0, -- 0 none, 1 sending, 2 unknown, 3 paid, 4 rejected, 5 returned
  pay_attempt  smallint NOT NULL DEFAULT 0,
  pay_bank     text,
  pay_ref      text,
  pay_reason   text,
  service      text     NOT NULL,
  wish         text     NOT NULL,           -- what the applicant wants: one live case each
  channel      text     NOT NULL,
  form         jsonb    NOT NULL,           -- personal values inside it are sealed
  decision     jsonb,                       -- codes, outcomes, fact ids, numbers
  PRIMARY KEY (centre_id, case_id)
) WITH (fillfactor = 80);
CREATE INDEX case_applicant ON business_case (centre_id, applicant_id, case_id);
CREATE UNIQUE INDEX case_live ON business_case (centre_id, applicant_id, wish) WHERE state < 6;
CREATE INDEX case_open ON business_case (centre_id, state, promised_at) WHERE state < 6;    -- queues, engine's poll

CREATE TABLE case_event (                   -- one row a transaction, its steps in an array
  case_id   bigint      NOT NULL,
  at        timestamptz NOT NULL,
  actor_id  bigint      NOT NULL,           -- 0: the system
  centre_id smallint    NOT NULL,
  seq       smallint    NOT NULL,
  steps     text[]      NOT NULL,
  detail    jsonb,
  PRIMARY KEY (centre_id, case_id, seq)
);

CREATE TABLE fact (                         -- 事实: append-only
  fact_id     bigint      NOT NULL,
  as_of       timestamptz NOT NULL,
  fetched_at  timestamptz NOT NULL,
  valid_until timestamptz,
  case_id     bigint,                       -- the purpose that fetched it
  centre_id   smallint    NOT NULL,
  state       smallint    NOT NULL,         -- 1 known, 2 absent, 3 unknown, 4 conflict
  type        text        NOT NULL,
  version     smallint    NOT NULL DEFAULT 1,
  subject_index bytea     NOT NULL,         -- blind index of the ID number or credit code: a spouse need not be our customer
  source      text        NOT NULL,
  keys_index  bytea       NOT NULL,         -- the same of what else it was asked by (name, card): another card is another question
  source_ref  text        NOT NULL DEFAULT '',
  assurance   text        NOT NULL DEFAULT 'authoritative',
  subject     text        NOT NULL,         -- as it may be shown: 本人, 配偶 陈*
  role        text        NOT NULL,
  value       jsonb,                        -- personal values inside it are sealed or masked
  digest      bytea       NOT NULL,
  PRIMARY KEY (centre_id, fact_id)
);
CREATE INDEX fact_subject ON fact (centre_id, subject_index, type, as_of DESC);
CREATE INDEX fact_case ON fact (centre_id, case_id) WHERE case_id IS NOT NULL;

CREATE TABLE source_call (                  -- audit of the gateway: who, for whom, why, with what result
  centre_id   smallint    NOT NULL,
  call_id     bigint      NOT NULL,
  at          timestamptz NOT NULL,
  source      text        NOT NULL,
  type        text        NOT NULL,
  subject_index bytea     NOT NULL,
  service     text        NOT NULL,
  case_no     text        NOT NULL,
  basis       text        NOT NULL,         -- consent id or statutory:{article}
  result      text        NOT NULL,
  ms          integer     NOT NULL,
  request_hash text       NOT NULL,
  evidence_hash text      NOT NULL DEFAULT '',
  PRIMARY KEY (centre_id, call_id)
);
CREATE INDEX source_call_subject ON source_call (centre_id, subject_index, call_id);
CREATE INDEX source_call_source ON source_call (centre_id, source, at);

CREATE TABLE outbox (                       -- payload: ids; the message is drawn when it is sent
  outbox_id bigint      NOT NULL,
  case_id   bigint,
  due_at    timestamptz NOT NULL,
  made_at   timestamptz NOT NULL,
  centre_id smallint    NOT NULL,
  kind      smallint    NOT NULL,           -- 1 payment, 2 SMS, 3 refund
  state     smallint    NOT NULL DEFAULT 0, -- 0 ready, 1 sending
  attempts  smallint    NOT NULL DEFAULT 0,
  payload   jsonb       NOT NULL,
  PRIMARY KEY (centre_id, outbox_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX outbox_due ON outbox (due_at);
CREATE TABLE outbox_done (LIKE outbox);     -- finished rows are moved here and kept
CREATE INDEX outbox_done_case ON outbox_done (centre_id, case_id);

CREATE TABLE inbox (                        -- what came in, once each
  centre_id   smallint    NOT NULL,
  origin      text        NOT NULL,         -- B1…B8
  serial      text        NOT NULL,         -- the bank's serial of the entry
  received_at timestamptz NOT NULL,
  kind        text        NOT NULL,
  book_date   date        NOT NULL,
  amount_fen  bigint      NOT NULL,         -- + in, − out
  end_to_end_id text,
  case_id     bigint,
  PRIMARY KEY (centre_id, origin, serial)
);
CREATE INDEX inbox_day ON inbox (centre_id, origin, book_date);

CREATE TABLE evidence_pending (             -- no index: the sealer takes all of it
  ref_id    bigint   NOT NULL,
  centre_id smallint NOT NULL,
  kind      smallint NOT NULL,              -- 1 case, 2 remittance (batch), 3 day
  size      integer  NOT NULL DEFAULT 0,    -- of a batch
  leaf      bytea    NOT NULL,
  salt      bytea    NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE policy_version (               -- every decision names the version that it used
  policy_id integer  PRIMARY KEY,
  centre_id smallint NOT NULL,
  version   text     NOT NULL,
  digest    text     NOT NULL,
  files     jsonb    NOT NULL,
  loaded_at timestamptz NOT NULL,
  UNIQUE (centre_id, digest)
);

CREATE TABLE blacklist (                    -- 失信名单
  centre_id smallint NOT NULL,
  person_id bigint   NOT NULL,
  from_date date     NOT NULL,
  to_date   date     NOT NULL,
  reason    text     NOT NULL,
  PRIMARY KEY (centre_id, person_id, from_date)
);

CREATE TABLE withdrawal_use (               -- 提取事项台账: what of an event has been used
  centre_id  smallint NOT NULL,
  case_id    bigint   NOT NULL,
  person_id  bigint   NOT NULL,
  kind       text     NOT NULL,             -- RENT …
  event_key  text,                          -- the shared object, e.g. the lease
  months     integer[] NOT NULL DEFAULT '{}',
  amounts    bigint[] NOT NULL DEFAULT '{}',
  amount_fen bigint   NOT NULL,
  used_on    date     NOT NULL,
  state      smallint NOT NULL,             -- 1 pending, 2 paid, 3 released
  PRIMARY KEY (centre_id, case_id)
);
CREATE INDEX withdrawal_use_person ON withdrawal_use (centre_id, person_id);
CREATE INDEX withdrawal_use_event ON withdrawal_use (centre_id, event_key) WHERE event_key IS NOT NULL;

CREATE TABLE withdrawal_event (             -- the row that two claims on one object meet at
  centre_id smallint NOT NULL,
  event_key text     NOT NULL,
  version   integer  NOT NULL DEFAULT 0,
  PRIMARY KEY (centre_id, event_key)
);

-- One statement ends a decision: the money (ledger_pay_out), the case, its event, the use of the event, the outbox row
-- and the evidence leaf, all or nothing. False: the account or the day has moved on; read again and decide again.
-- SECURITY INVOKER: it may do no more than the application, and money only through the ledger's own function.
-- Errors: CW001 the account or the day moved, CW002 the case moved, CW003 another claim on the event came first.
CREATE FUNCTION case_execute(p_centre smallint, p_day date, p_case bigint, p_case_version integer, p_key uuid, p_digest uuid,
    p_journal bigint, p_maker bigint, p_checker bigint, p_policy integer, p_branch smallint, p_at timestamptz,
    p_account bigint, p_account_version integer, p_amount bigint, p_payable bigint, p_pay_bank text,
    p_row jsonb,               -- of a case that is new: applicant_id, submitted_at, promised_at, served_by, service, wish, channel, form
    p_decision jsonb, p_seq smallint, p_actor bigint, p_steps text[], p_detail jsonb,
    p_kind text, p_event_key text, p_event_version integer, p_months integer[], p_amounts bigint[], p_applicant bigint,
    p_outbox bigint, p_payload jsonb, p_leaf bytea, p_salt bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_case_version = 0 THEN
    INSERT INTO business_case (case_id, applicant_id, account_id, amount_fen, submitted_at, promised_at, journal_id, branch_id,
                               served_by, policy_id, centre_id, state, pay_state, pay_attempt, pay_bank, service, wish,
                               channel, form, decision)
    SELECT p_case, p_applicant, p_account, p_amount, r.submitted_at, r.promised_at, p_journal, p_branch, r.served_by, p_policy,
           p_centre, 5, 1, 1, p_pay_bank, r.service, r.wish, r.channel, r.form, p_decision
      FROM jsonb_to_record(p_row) AS r (submitted_at timestamptz, promised_at timestamptz, served_by bigint, service text,
                                        wish text, channel text, form jsonb);
  ELSE
    UPDATE business_case
       SET state = 5, pay_state = 1, pay_attempt = 1, pay_bank = p_pay_bank, account_id = p_account, amount_fen = p_amount,
           journal_id = p_journal, policy_id = p_policy, decision = p_decision, next_try_at = NULL, version = version + 1
     WHERE centre_id = p_centre AND case_id = p_case AND version = p_case_version AND state IN (1, 2, 4);
    IF NOT found THEN
      RAISE EXCEPTION 'the case moved' USING errcode = 'CW002';
    END IF;
  END IF;
  IF p_event_key IS NOT NULL THEN
    INSERT INTO withdrawal_event AS e (centre_id, event_key, version) VALUES (p_centre, p_event_key, 1)
        ON CONFLICT (centre_id, event_key) DO UPDATE SET version = e.version + 1 WHERE e.version = p_event_version;
    IF NOT found THEN
      RAISE EXCEPTION 'another claim on the event came first' USING errcode = 'CW003';
    END IF;
  END IF;
  IF NOT ledger_pay_out(p_centre, p_day, p_journal, 21::smallint, p_key, p_digest, p_case, p_case, p_maker, p_checker, p_policy,
                        p_branch, p_at, p_account, p_account_version, p_amount, p_payable, NULL) THEN
    RAISE EXCEPTION 'the account or the day moved' USING errcode = 'CW001';
  END IF;
  INSERT INTO withdrawal_use (centre_id, case_id, person_id, kind, event_key, months, amounts, amount_fen, used_on, state)
  VALUES (p_centre, p_case, p_applicant, p_kind, p_event_key, p_months, p_amounts, p_amount, p_day, 1);
  INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
  VALUES (p_case, p_at, p_actor, p_centre, p_seq, p_steps, p_detail);
  INSERT INTO outbox (outbox_id, case_id, due_at, made_at, centre_id, kind, payload)
  VALUES (p_outbox, p_case, p_at, p_at, p_centre, 1, p_payload);
  INSERT INTO evidence_pending (ref_id, centre_id, kind, leaf, salt) VALUES (p_case, p_centre, 1, p_leaf, p_salt);
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON centre, branch, fund_account, person, employer, clerk, membership, staff, session, login_code, consent, access_log,
      business_case, case_event, fact, source_call, outbox, outbox_done, inbox, evidence_pending, policy_version, blacklist,
      withdrawal_use, withdrawal_event TO anju_app;
    -- Only what changes may be changed; what is append-only may not.
    GRANT UPDATE ON branch, person, employer, clerk, membership, staff, session, login_code, consent, business_case, outbox, inbox,
      blacklist, withdrawal_use, withdrawal_event TO anju_app;
    GRANT DELETE ON outbox, evidence_pending TO anju_app;
  END IF;
END $$;
