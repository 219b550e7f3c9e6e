-- Withdrawals that arrive at one moment are booked with one statement, and so is what their banks say of them: nine statements in a
-- function cost less for sixteen cases than for two (docs/performance.md). What does not go through as read is left out, or undoes the
-- whole batch; the program then does each case alone, by case_execute or case_paid, which stay what a case means.

-- E21 for many, as ledger_pay_out does for one. Returns the journals that were booked: not those whose account or day has moved since it
-- was read, nor those whose account still waits for the year's interest.
CREATE FUNCTION ledger_pay_out_many(p_centre smallint, p_day date, p_event smallint, p_rule integer, p_payable bigint, p_journals bigint[],
    p_keys uuid[], p_digests uuid[], p_cases bigint[], p_makers bigint[], p_branches smallint[], p_ats timestamptz[],
    p_accounts bigint[], p_versions integer[], p_amounts bigint[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    year    date := interest_year(p_day);
    now_w   bigint := w_at(p_centre, p_day);
    counter integer;
    booked  bigint[];
BEGIN
    SELECT subject INTO counter FROM ledger_account
     WHERE centre_id = p_centre AND account_id = p_payable AND NOT running;
    IF NOT found THEN
        RAISE EXCEPTION '% is not a dimension account', p_payable USING errcode = 'LD002';
    END IF;
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(p_journals, p_accounts, p_versions, p_amounts) AS o (journal_id, account_id, version, amount_fen)
         ORDER BY account_id),                  -- the order in which accounts are locked everywhere
    paid AS (
        UPDATE ledger_account a
           SET balance_fen  = a.balance_fen - asked.amount_fen,
               version      = a.version + 1,
               product      = a.product + a.balance_fen * (p_day - a.product_date),
               accrual      = a.accrual + CASE WHEN a.product_date = p_day THEN 0 ELSE
                              a.balance_fen * (now_w - w_at(p_centre, a.product_date)) END,
               product_date = p_day
          FROM asked, business_day d
         WHERE d.centre_id = p_centre
           AND d.open_date = p_day             -- the day as the snapshot that writes sees it
           AND a.centre_id = p_centre
           AND a.account_id = asked.account_id
           AND a.version = asked.version
           AND a.subject = 201
           AND a.state <> 3
           AND a.settled_on >= year
           AND a.product_date <= p_day
           AND asked.amount_fen > 0
           AND a.balance_fen - a.frozen_fen - a.reserved_fen >= asked.amount_fen
        RETURNING asked.journal_id)
    SELECT coalesce(array_agg(journal_id), '{}') INTO booked FROM paid;
    INSERT INTO command (centre_id, key, digest, ref_id)
    SELECT p_centre, o.key, o.digest, o.case_id
      FROM unnest(p_journals, p_keys, p_digests, p_cases) AS o (journal_id, key, digest, case_id)
     WHERE o.journal_id = ANY (booked);
    INSERT INTO journal (journal_id, case_id, maker_id, made_at, business_date, rule_id, lines, centre_id, event, branch_id)
    SELECT o.journal_id, o.case_id, o.maker_id, o.at, p_day, p_rule, 2, p_centre, p_event, o.branch_id
      FROM unnest(p_journals, p_cases, p_makers, p_ats, p_branches) AS o (journal_id, case_id, maker_id, at, branch_id)
     WHERE o.journal_id = ANY (booked);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
    SELECT o.journal_id, line.account_id, line.amount_fen, p_day, p_day, line.subject, p_centre, 0
      FROM unnest(p_journals, p_accounts, p_amounts) AS o (journal_id, account_id, amount_fen)
     CROSS JOIN LATERAL (VALUES (o.account_id, o.amount_fen, 201), (p_payable, -o.amount_fen, counter))
           AS line (account_id, amount_fen, subject)
     WHERE o.journal_id = ANY (booked);
    RETURN booked;
END $$;

-- New cases from what was decided to the money: as case_execute does for each. Returns the journals that were booked.
CREATE FUNCTION cases_execute_together(p_centre smallint, p_day date, p_policy integer, p_payable bigint, p_steps text[],
    p_cases bigint[], p_keys uuid[], p_digests uuid[], p_journals bigint[], p_makers bigint[], p_branches smallint[], p_ats timestamptz[],
    p_accounts bigint[], p_versions integer[], p_amounts bigint[], p_banks text[], p_applicants bigint[], p_submitted timestamptz[],
    p_promised timestamptz[], p_served_by bigint[], p_services text[], p_wishes text[], p_channels text[], p_forms text[],
    p_decisions text[], p_details text[], p_kinds text[], p_event_keys text[], p_event_versions integer[], p_months text[],
    p_shares text[], p_orders bigint[], p_entries bytea[], p_salts bytea[]) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    booked bigint[];
    events integer;
BEGIN
  booked := ledger_pay_out_many(p_centre, p_day, 21::smallint, p_policy, p_payable, p_journals, p_keys, p_digests, p_cases, p_makers,
                                p_branches, p_ats, p_accounts, p_versions, p_amounts);
  INSERT INTO business_case (case_id, applicant_id, account_id, amount_fen, submitted_at, promised_at, journal_id, branch_id, served_by,
                             policy_id, centre_id, state, pay_state, pay_attempt, pay_bank, service, wish, channel, form, decision)
  SELECT o.case_id, o.applicant_id, o.account_id, o.amount_fen, o.submitted_at, o.promised_at, o.journal_id, o.branch_id, o.served_by,
         p_policy, p_centre, 5, 1, 1, o.bank, o.service, o.wish, o.channel, o.form::jsonb, o.decision::jsonb
    FROM unnest(p_cases, p_applicants, p_accounts, p_amounts, p_submitted, p_promised, p_journals, p_branches, p_served_by, p_banks,
                p_services, p_wishes, p_channels, p_forms, p_decisions)
         AS o (case_id, applicant_id, account_id, amount_fen, submitted_at, promised_at, journal_id, branch_id, served_by, bank,
               service, wish, channel, form, decision)
   WHERE o.journal_id = ANY (booked);
  -- The version that is inserted is the one that follows what was read: it is also the guard.
  INSERT INTO withdrawal_event AS e (centre_id, event_key, version)
  SELECT p_centre, o.event_key, o.version + 1
    FROM unnest(p_journals, p_event_keys, p_event_versions) AS o (journal_id, event_key, version)
   WHERE o.journal_id = ANY (booked) AND o.event_key IS NOT NULL
   ORDER BY o.event_key
      ON CONFLICT (centre_id, event_key) DO UPDATE SET version = e.version + 1 WHERE e.version = excluded.version - 1;
  GET DIAGNOSTICS events = ROW_COUNT;
  IF events <> (SELECT count(*) FROM unnest(p_journals, p_event_keys) AS o (journal_id, event_key)
                 WHERE o.journal_id = ANY (booked) AND o.event_key IS NOT NULL) THEN
    RAISE EXCEPTION 'another claim on an event came first' USING errcode = 'CW003';
  END IF;
  INSERT INTO withdrawal_use (centre_id, case_id, person_id, kind, event_key, months, amounts, amount_fen, used_on, state)
  SELECT p_centre, o.case_id, o.applicant_id, o.kind, o.event_key, o.months::integer[], o.shares::bigint[], o.amount_fen, p_day, 1
    FROM unnest(p_journals, p_cases, p_applicants, p_kinds, p_event_keys, p_months, p_shares, p_amounts)
         AS o (journal_id, case_id, applicant_id, kind, event_key, months, shares, amount_fen)
   WHERE o.journal_id = ANY (booked);
  INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
  SELECT o.case_id, o.at, o.maker_id, p_centre, 1, p_steps, o.detail::jsonb
    FROM unnest(p_journals, p_cases, p_ats, p_makers, p_details) AS o (journal_id, case_id, at, maker_id, detail)
   WHERE o.journal_id = ANY (booked);
  INSERT INTO outbox (outbox_id, case_id, due_at, made_at, centre_id, kind, payload)
  SELECT o.outbox_id, o.case_id, o.at, o.at, p_centre, 1, jsonb_build_object('case', o.case_id, 'attempt', 1)
    FROM unnest(p_journals, p_orders, p_cases, p_ats) AS o (journal_id, outbox_id, case_id, at)
   WHERE o.journal_id = ANY (booked);
  INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt)
  SELECT o.case_id, p_centre, 1, 1, o.entry, o.salt
    FROM unnest(p_journals, p_cases, p_entries, p_salts) AS o (journal_id, case_id, entry, salt)
   WHERE o.journal_id = ANY (booked);
  RETURN booked;
END $$;

-- E22 for many: what ledger_post does where a journal moves money between dimensions only, two lines each.
CREATE FUNCTION ledger_post_many(p_centre smallint, p_day date, p_event smallint, p_maker bigint, p_journals bigint[], p_keys uuid[],
    p_digests uuid[], p_cases bigint[], p_rules integer[], p_branches smallint[], p_ats timestamptz[], p_lines bigint[],
    p_accounts bigint[], p_parts smallint[], p_amounts bigint[], p_value_dates date[], p_red boolean[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    written integer;
BEGIN
    PERFORM ledger_require_open(p_centre, p_day);
    INSERT INTO command (centre_id, key, digest, ref_id)
    SELECT p_centre, o.key, o.digest, o.journal_id FROM unnest(p_journals, p_keys, p_digests) AS o (journal_id, key, digest);
    INSERT INTO journal (journal_id, case_id, maker_id, made_at, business_date, rule_id, lines, centre_id, event, branch_id)
    SELECT o.journal_id, o.case_id, p_maker, o.at, p_day, o.rule_id, l.lines, p_centre, p_event, o.branch_id
      FROM unnest(p_journals, p_cases, p_ats, p_rules, p_branches) AS o (journal_id, case_id, at, rule_id, branch_id)
      JOIN (SELECT journal_id, count(*)::integer AS lines FROM unnest(p_lines) AS m (journal_id) GROUP BY journal_id) AS l USING (journal_id);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part, red)
    SELECT l.journal_id, a.account_id, l.amount_fen, p_day, l.value_date, a.subject, p_centre, l.part, l.red
      FROM unnest(p_lines, p_accounts, p_parts, p_amounts, p_value_dates, p_red)
           AS l (journal_id, account_id, part, amount_fen, value_date, red)
      JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.state <> 3 AND NOT a.running;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> cardinality(p_accounts) THEN
        RAISE EXCEPTION 'a line names no open dimension account' USING errcode = 'LD002';
    END IF;
END $$;

-- What banks said of several cases: as case_paid does for each. All or none: CW002 when one has moved, CW004 when a serial was told before.
CREATE FUNCTION cases_paid_together(p_centre smallint, p_day date, p_event smallint, p_maker bigint, p_steps text[], p_cases bigint[],
    p_versions integer[], p_journals bigint[], p_keys uuid[], p_digests uuid[], p_policies integer[], p_branches smallint[],
    p_ats timestamptz[], p_lines bigint[], p_accounts bigint[], p_parts smallint[], p_amounts bigint[], p_value_dates date[],
    p_red boolean[], p_seqs smallint[], p_details text[], p_entries bytea[], p_salts bytea[], p_messages bigint[], p_orders bigint[],
    p_banks text[], p_serials text[], p_booked_on date[], p_paid bigint[], p_end_to_end text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed integer;
BEGIN
  UPDATE business_case c SET state = 6, pay_state = 3, pay_ref = o.serial, pay_reason = NULL, version = c.version + 1
    FROM (SELECT * FROM unnest(p_cases, p_versions, p_serials) AS o (case_id, version, serial) ORDER BY case_id) AS o
   WHERE c.centre_id = p_centre AND c.case_id = o.case_id AND c.version = o.version;
  GET DIAGNOSTICS changed = ROW_COUNT;
  IF changed <> cardinality(p_cases) THEN
    RAISE EXCEPTION 'a case moved' USING errcode = 'CW002';
  END IF;
  PERFORM ledger_post_many(p_centre, p_day, p_event, p_maker, p_journals, p_keys, p_digests, p_cases, p_policies, p_branches, p_ats,
                           p_lines, p_accounts, p_parts, p_amounts, p_value_dates, p_red);
  UPDATE withdrawal_use SET state = 2 WHERE centre_id = p_centre AND case_id = ANY (p_cases);
  INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
  SELECT o.case_id, o.at, p_maker, p_centre, o.seq, p_steps, o.detail::jsonb
    FROM unnest(p_cases, p_ats, p_seqs, p_details) AS o (case_id, at, seq, detail);
  INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt)
  SELECT o.case_id, p_centre, 1, o.seq, o.entry, o.salt
    FROM unnest(p_cases, p_seqs, p_entries, p_salts) AS o (case_id, seq, entry, salt);
  INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at)
  SELECT o.outbox_id, o.case_id, o.at, p_centre, 2, jsonb_build_object('template', 'paid', 'case', o.case_id), o.at
    FROM unnest(p_messages, p_cases, p_ats) AS o (outbox_id, case_id, at);
  WITH sent AS (DELETE FROM outbox WHERE centre_id = p_centre AND outbox_id = ANY (p_orders) RETURNING *)
  INSERT INTO outbox_done SELECT * FROM sent;
  INSERT INTO inbox (centre_id, origin, serial, received_at, kind, book_date, amount_fen, end_to_end_id, case_id)
  SELECT p_centre, o.bank, o.serial, o.at, 'debit', o.booked_on, o.amount_fen, o.end_to_end, o.case_id
    FROM unnest(p_banks, p_serials, p_ats, p_booked_on, p_paid, p_end_to_end, p_cases)
         AS o (bank, serial, at, booked_on, amount_fen, end_to_end, case_id)
   WHERE o.serial <> ''
      ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS changed = ROW_COUNT;
  IF changed <> (SELECT count(*) FROM unnest(p_serials) AS o (serial) WHERE o.serial <> '') THEN
    RAISE EXCEPTION 'a serial was told before' USING errcode = 'CW004';
  END IF;
END $$;

DO $$ BEGIN
  REVOKE EXECUTE ON FUNCTION ledger_pay_out_many, ledger_post_many FROM PUBLIC;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT EXECUTE ON FUNCTION ledger_pay_out_many, ledger_post_many TO anju_app;
  END IF;
END $$;
