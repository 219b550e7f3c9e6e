-- Many cases that the centre itself begins and pays at once (the runs of a period, 约定提取): one statement from what was decided to the money.
-- Each stands by itself: case_execute books it whole, and one whose account, day or event has moved since it was read is left out and named
-- in the answer, to be read and decided again. The caller's transaction holds what guards a case against being begun twice.
CREATE FUNCTION cases_execute(p_centre smallint, p_policy integer, p_at timestamptz, p_payable bigint, p_cases jsonb)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    c     record;
    moved bigint[] := '{}';
BEGIN
  FOR c IN
      SELECT * FROM jsonb_to_recordset(p_cases) AS one (
          case_id bigint, day date, key uuid, journal_id bigint, branch_id smallint, account_id bigint, account_version integer,
          amount_fen bigint, bank text, applicant_id bigint, opened jsonb, decision jsonb, detail jsonb, steps text[], kind text,
          event_key text, event_version integer, months integer[], amounts bigint[], outbox_id bigint, payload jsonb, entry text, salt text)
       ORDER BY account_id                       -- the order in which accounts are locked everywhere
  LOOP
    BEGIN
      PERFORM case_execute(p_centre, c.day, c.case_id, 0, c.key, c.key, c.journal_id, 0, NULL, p_policy, c.branch_id, p_at, c.account_id,
                           c.account_version, c.amount_fen, p_payable, c.bank, c.opened, c.decision, 1::smallint, 0, c.steps, c.detail,
                           c.kind, c.event_key, c.event_version, c.months, c.amounts, c.applicant_id, c.outbox_id, c.payload,
                           decode(c.entry, 'hex'), decode(c.salt, 'hex'));
    EXCEPTION WHEN SQLSTATE 'CW001' OR SQLSTATE 'CW003' OR serialization_failure OR deadlock_detected THEN
      moved := moved || c.case_id;
    END;
  END LOOP;
  RETURN moved;
END $$;
