-- Settling a case in one statement, and what was learnt about the cost of a withdrawal (docs/performance.md).

-- The same as in 0002, without the work on running balances where a journal touches none.
CREATE OR REPLACE FUNCTION ledger_post(p_centre smallint, p_day date, p_journal bigint, p_event smallint, p_key uuid, p_digest uuid,
    p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_branch smallint, p_month smallint,
    p_at timestamptz, p_frozen_too boolean, p_reverses bigint, p_accounts bigint[], p_parts smallint[],
    p_amounts bigint[], p_value_dates date[], p_red boolean[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held    integer;
    changed integer;
    stale   bigint[];
BEGIN
    PERFORM ledger_require_open(p_centre, p_day);
    INSERT INTO command (centre_id, key, digest, ref_id) VALUES (p_centre, p_key, p_digest, p_journal);

    -- Rows with a running balance are locked in the order of their ids; dimensions are never locked.
    SELECT count(*), array_agg(account_id) FILTER (WHERE subject = 201 AND settled_on < interest_year(p_day))
      INTO held, stale
      FROM (SELECT account_id, subject, settled_on
              FROM ledger_account
             WHERE centre_id = p_centre AND account_id = ANY (p_accounts) AND running AND state <> 3
             ORDER BY account_id
               FOR NO KEY UPDATE) AS locked;
    IF stale IS NOT NULL THEN
        PERFORM ledger_settle_touched(p_centre, p_day, p_branch, p_at, stale);
    END IF;

    -- Most journals move money between dimensions only.
    IF held > 0 THEN
      WITH change AS MATERIALIZED (
          SELECT a.account_id, sum(own)::bigint AS own,
                 sum(own * (p_day - greatest(l.value_date, a.settled_on)))::bigint AS product,
                 sum(CASE WHEN l.value_date < p_day AND a.subject = 201
                          THEN own * (w_at(p_centre, p_day) - w_at(p_centre, greatest(l.value_date, a.settled_on)))
                          ELSE 0 END)::bigint AS accrual
            FROM unnest(p_accounts, p_amounts, p_value_dates) AS l (account_id, amount_fen, value_date)
            JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.running
           CROSS JOIN LATERAL (SELECT l.amount_fen * ledger_side(a.subject) AS own) AS side
           GROUP BY a.account_id)
      UPDATE ledger_account a
         SET balance_fen  = a.balance_fen + c.own,
             version      = a.version + 1,
             product      = CASE WHEN a.subject = 201
                                 THEN a.product + a.balance_fen * (p_day - a.product_date) + c.product ELSE 0 END,
             accrual      = CASE WHEN a.subject = 201
                                 THEN a.accrual + c.accrual + CASE WHEN a.product_date = p_day THEN 0 ELSE
                                      a.balance_fen * (w_at(p_centre, p_day) - w_at(p_centre, a.product_date)) END
                                 ELSE 0 END,
             product_date = p_day
        FROM change c
       WHERE a.centre_id = p_centre
         AND a.account_id = c.account_id
         AND a.state <> 3
         AND a.product_date <= p_day
         AND (a.subject <> 201 OR a.settled_on >= interest_year(p_day))
         AND (c.own >= 0 OR p_frozen_too OR a.balance_fen + c.own >= a.frozen_fen + a.reserved_fen);
      GET DIAGNOSTICS changed = ROW_COUNT;
      IF changed <> held THEN
          PERFORM ledger_require_open(p_centre, p_day);     -- the day may have moved while a row was waited for
          RAISE EXCEPTION 'not available: frozen, reserved or too little' USING errcode = 'LD003';
      END IF;
    END IF;

    INSERT INTO journal (journal_id, case_id, reverses, maker_id, checker_id, made_at, business_date, rule_id, lines,
                         centre_id, event, branch_id, month)
    VALUES (p_journal, p_case, p_reverses, p_maker, p_checker, p_at, p_day, p_rule, cardinality(p_accounts), p_centre,
            p_event, p_branch, p_month);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part, red)
    SELECT p_journal, a.account_id, l.amount_fen, p_day, l.value_date, a.subject, p_centre, l.part, l.red
      FROM unnest(p_accounts, p_parts, p_amounts, p_value_dates, p_red)
           AS l (account_id, part, amount_fen, value_date, red)
      JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.state <> 3;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> cardinality(p_accounts) THEN
        RAISE EXCEPTION 'a line names no open account' USING errcode = 'LD002';
    END IF;

    IF held > 0 THEN
      INSERT INTO product_adjustment (centre_id, account_id, journal_id, value_date, settled_on, product, accrual)
      SELECT p_centre, a.account_id, p_journal, l.value_date, a.settled_on,
             own * (a.settled_on - l.value_date),
             own * (w_at(p_centre, a.settled_on) - w_at(p_centre, l.value_date))
        FROM unnest(p_accounts, p_amounts, p_value_dates) AS l (account_id, amount_fen, value_date)
        JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.subject = 201
       CROSS JOIN LATERAL (SELECT l.amount_fen * ledger_side(a.subject) AS own) AS side
       WHERE l.value_date < a.settled_on;
    END IF;
    RETURN p_journal;
END $$;

-- From the bank's word to the end of a case: the journal, the case, the use of its event, its event and leaf, the message to the person,
-- the finished order and the bank's serial. Guarded by the case's version, as it was read without a lock.
-- CW002: the case moved, read again. CW004: the bank told this serial before with another amount.
CREATE FUNCTION case_paid(p_centre smallint, p_day date, p_case bigint, p_version integer, p_journal bigint, p_event smallint,
    p_key uuid, p_digest uuid, p_maker bigint, p_policy integer, p_branch smallint, p_at timestamptz, p_accounts bigint[],
    p_parts smallint[], p_amounts bigint[], p_value_dates date[], p_red boolean[],
    p_seq smallint, p_steps text[], p_detail jsonb, p_entry bytea, p_salt bytea,
    p_message bigint, p_payload jsonb, p_order bigint,
    p_bank text, p_serial text, p_booked_on date, p_amount bigint, p_end_to_end text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE business_case SET state = 6, pay_state = 3, pay_ref = p_serial, pay_reason = NULL, version = version + 1
   WHERE centre_id = p_centre AND case_id = p_case AND version = p_version;
  IF NOT found THEN
    RAISE EXCEPTION 'the case moved' USING errcode = 'CW002';
  END IF;
  PERFORM ledger_post(p_centre, p_day, p_journal, p_event, p_key, p_digest, p_case, p_maker, NULL, p_policy, p_branch, NULL, p_at,
                      false, NULL, p_accounts, p_parts, p_amounts, p_value_dates, p_red);
  UPDATE withdrawal_use SET state = 2 WHERE centre_id = p_centre AND case_id = p_case;
  INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
  VALUES (p_case, p_at, p_maker, p_centre, p_seq, p_steps, p_detail);
  INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt) VALUES (p_case, p_centre, 1, p_seq, p_entry, p_salt);
  INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at)
  VALUES (p_message, p_case, p_at, p_centre, 2, p_payload, p_at);
  IF p_order IS NOT NULL THEN
    WITH sent AS (DELETE FROM outbox WHERE centre_id = p_centre AND outbox_id = p_order RETURNING *)
    INSERT INTO outbox_done SELECT * FROM sent;
  END IF;
  IF p_serial <> '' THEN
    INSERT INTO inbox (centre_id, origin, serial, received_at, kind, book_date, amount_fen, end_to_end_id, case_id)
    VALUES (p_centre, p_bank, p_serial, p_at, 'debit', p_booked_on, p_amount, p_end_to_end, p_case)
        ON CONFLICT DO NOTHING;
    IF NOT found AND NOT EXISTS (SELECT FROM inbox WHERE centre_id = p_centre AND origin = p_bank AND serial = p_serial
                                                     AND amount_fen = p_amount) THEN
      RAISE EXCEPTION 'the bank told serial % with another amount', p_serial USING errcode = 'CW004';
    END IF;
  END IF;
END $$;

-- A kept decision is compressed by what costs least, where the server has it.
DO $$ BEGIN
  ALTER TABLE business_case ALTER COLUMN decision SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  RAISE NOTICE 'this server has no lz4';
END $$;

-- A lease moves no index: it changes a column of its own, and the row stays where it is.
ALTER TABLE outbox ADD COLUMN leased_until timestamptz;
ALTER TABLE outbox_done ADD COLUMN leased_until timestamptz;
