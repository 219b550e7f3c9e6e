-- The evidence log (存证日志, design.md §5): leaves in their order, the tree as tiles, the head, the last checkpoints.
--
-- Expand: evidence_pending keeps the entry of the log in place of its hash, and which event of its case it is. The program
-- before this one still writes `leaf`; the sealer takes such a hash as an entry of its own kind, which has no proof.
ALTER TABLE evidence_pending ADD COLUMN entry bytea, ADD COLUMN seq smallint NOT NULL DEFAULT 0, ALTER COLUMN leaf DROP NOT NULL;

CREATE TABLE evidence_leaf (                -- what was sealed: the log in its order
  leaf_index bigint   NOT NULL,
  ref_id     bigint   NOT NULL,             -- case, remittance, day as yyyymmdd
  size       integer  NOT NULL,             -- of a batch: its entries, else 0
  centre_id  smallint NOT NULL,
  kind       smallint NOT NULL,             -- 1 case, 2 remittance (batch), 3 day (batch)
  seq        smallint NOT NULL,             -- of a case: its event
  entry      bytea    NOT NULL,             -- 0x01 ‖ commitment, or 0x02 ‖ size ‖ root
  salt       bytea    NOT NULL,
  PRIMARY KEY (centre_id, leaf_index)
);
CREATE INDEX evidence_leaf_ref ON evidence_leaf (centre_id, ref_id);      -- the proofs of a case or remittance

CREATE TABLE evidence_tile (                -- C2SP tlog-tiles: up to 256 hashes of 32 bytes
  idx       bigint   NOT NULL,
  centre_id smallint NOT NULL,
  level     smallint NOT NULL,
  data      bytea    NOT NULL,
  PRIMARY KEY (centre_id, level, idx)
);
ALTER TABLE evidence_tile ALTER COLUMN data SET STORAGE EXTERNAL;         -- hashes do not compress

CREATE TABLE log_head (                     -- one row a centre: who holds it, seals
  centre_id smallint PRIMARY KEY,
  size      bigint   NOT NULL
);

CREATE TABLE checkpoint (                   -- the last few; every older one is a prefix of the log
  centre_id smallint    NOT NULL,
  size      bigint      NOT NULL,
  root      bytea       NOT NULL,
  note      text        NOT NULL,           -- with the lines of the log and of the witnesses
  witnesses smallint    NOT NULL,           -- how many have signed
  at        timestamptz NOT NULL,
  PRIMARY KEY (centre_id, size)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON evidence_leaf, evidence_tile, log_head, checkpoint TO anju_app;
    -- Leaves are never changed; a tile only grows.
    GRANT UPDATE ON evidence_tile, log_head, checkpoint TO anju_app;
    GRANT DELETE ON checkpoint TO anju_app;
  END IF;
END $$;

-- As in 0003, but what it leaves for the sealer is the entry and the number of the case's event.
CREATE OR REPLACE FUNCTION case_execute(p_centre smallint, p_day date, p_case bigint, p_case_version integer, p_key uuid, p_digest uuid,
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
  INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt) VALUES (p_case, p_centre, 1, p_seq, p_leaf, p_salt);
END $$;
