-- A withdrawal writes less (docs/performance.md, R12): the order that its bank has answered becomes the message to the person instead of
-- being copied away beside a new row, what can only be new is inserted without being asked for first, and the bank's serial stands in the
-- step, not in the case as well (pay_ref): a text that comes in moves all behind it, and with it the whole row into the log.

-- New cases from what was decided to the money: as case_execute does for each. Returns the journals that were booked.
CREATE OR REPLACE FUNCTION cases_execute_together(p_centre smallint, p_day date, p_policy integer, p_payable bigint, p_steps text[],
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
  -- An event that nobody has claimed has no row: then the insert is the guard, and a row that came meanwhile undoes the batch.
  IF 0 < ANY (p_event_versions) THEN
    UPDATE withdrawal_event e SET version = e.version + 1
      FROM (SELECT * FROM unnest(p_journals, p_event_keys, p_event_versions) AS o (journal_id, event_key, version)
             WHERE o.version > 0 AND o.journal_id = ANY (booked) ORDER BY o.event_key) AS o
     WHERE e.centre_id = p_centre AND e.event_key = o.event_key AND e.version = o.version;
    GET DIAGNOSTICS events = ROW_COUNT;
    IF events <> (SELECT count(*) FROM unnest(p_journals, p_event_keys, p_event_versions) AS o (journal_id, event_key, version)
                   WHERE o.version > 0 AND o.journal_id = ANY (booked) AND o.event_key IS NOT NULL) THEN
      RAISE EXCEPTION 'another claim on an event came first' USING errcode = 'CW003';
    END IF;
  END IF;
  INSERT INTO withdrawal_event (centre_id, event_key, version)
  SELECT p_centre, o.event_key, 1
    FROM unnest(p_journals, p_event_keys, p_event_versions) AS o (journal_id, event_key, version)
   WHERE o.version = 0 AND o.journal_id = ANY (booked) AND o.event_key IS NOT NULL
   ORDER BY o.event_key;
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

-- What banks said of several cases: as case_paid does for each. All or none: CW002 when one has moved, 23505 when a serial was told before.
CREATE OR REPLACE FUNCTION cases_paid_together(p_centre smallint, p_day date, p_event smallint, p_maker bigint, p_steps text[], p_cases bigint[],
    p_versions integer[], p_journals bigint[], p_keys uuid[], p_digests uuid[], p_policies integer[], p_branches smallint[],
    p_ats timestamptz[], p_lines bigint[], p_accounts bigint[], p_parts smallint[], p_amounts bigint[], p_value_dates date[],
    p_red boolean[], p_seqs smallint[], p_details text[], p_entries bytea[], p_salts bytea[], p_messages bigint[], p_orders bigint[],
    p_banks text[], p_serials text[], p_booked_on date[], p_paid bigint[], p_end_to_end text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed integer;
BEGIN
  UPDATE business_case c SET state = 6, pay_state = 3, pay_reason = NULL, version = c.version + 1
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
  -- The order that a bank's answer ends becomes the message to the person: the row is there, and no index of it changes.
  WITH turned AS (
    UPDATE outbox m
       SET kind = 2, payload = jsonb_build_object('template', 'paid', 'case', o.case_id), made_at = o.at, state = 0, attempts = 0,
           leased_until = NULL
      FROM unnest(p_cases, p_ats) AS o (case_id, at)
     WHERE m.centre_id = p_centre AND m.outbox_id = ANY (p_orders) AND m.case_id = o.case_id AND m.kind = 1
    RETURNING m.case_id)
  INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at)
  SELECT o.outbox_id, o.case_id, o.at, p_centre, 2, jsonb_build_object('template', 'paid', 'case', o.case_id), o.at
    FROM unnest(p_messages, p_cases, p_ats) AS o (outbox_id, case_id, at)
   WHERE NOT EXISTS (SELECT FROM turned WHERE turned.case_id = o.case_id);
  INSERT INTO inbox (centre_id, origin, serial, received_at, kind, book_date, amount_fen, end_to_end_id, case_id)
  SELECT p_centre, o.bank, o.serial, o.at, 'debit', o.booked_on, o.amount_fen, o.end_to_end, o.case_id
    FROM unnest(p_banks, p_serials, p_ats, p_booked_on, p_paid, p_end_to_end, p_cases)
         AS o (bank, serial, at, booked_on, amount_fen, end_to_end, case_id)
   WHERE o.serial <> '';
END $$;

-- From the bank's word to the end of a case: the journal, the case, the use of its event, its event and leaf, the message to the person,
-- which the finished order becomes, and the bank's serial. Guarded by the case's version, as it was read without a lock.
-- CW002: the case moved, read again. CW004: the bank told this serial before with another amount.
CREATE OR REPLACE FUNCTION case_paid(p_centre smallint, p_day date, p_case bigint, p_version integer, p_journal bigint, p_event smallint,
    p_key uuid, p_digest uuid, p_maker bigint, p_policy integer, p_branch smallint, p_at timestamptz, p_accounts bigint[],
    p_parts smallint[], p_amounts bigint[], p_value_dates date[], p_red boolean[],
    p_seq smallint, p_steps text[], p_detail jsonb, p_entry bytea, p_salt bytea,
    p_message bigint, p_payload jsonb, p_order bigint,
    p_bank text, p_serial text, p_booked_on date, p_amount bigint, p_end_to_end text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE business_case SET state = 6, pay_state = 3, pay_reason = NULL, version = version + 1
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
  UPDATE outbox SET kind = 2, payload = p_payload, made_at = p_at, state = 0, attempts = 0, leased_until = NULL
   WHERE centre_id = p_centre AND outbox_id = p_order AND case_id = p_case AND kind = 1;
  IF NOT found THEN
    INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at)
    VALUES (p_message, p_case, p_at, p_centre, 2, p_payload, p_at);
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
