-- 网点维度 (organisation.md §1): the balances of people and employers stand in the books of the branch that keeps them, and follow them when
-- another branch keeps them. A journal has one branch; a line that belongs to another says so here (0: the journal's own), so that one
-- journal of E13 can move a balance from branch to branch and still sum to zero. In a row of 48 bytes the two are padding: nothing grows.
ALTER TABLE posting ADD COLUMN branch_id smallint NOT NULL DEFAULT 0;

-- Moves balances between branches on a day that is marked and not yet sealed: one journal of E13 for each branch that they go to. What is
-- to be moved is found by whoever knows who is kept where. The two persons are those who close the day. Returns the lines written.
CREATE FUNCTION ledger_move_branches(p_centre smallint, p_day date, p_at timestamptz, p_journals bigint[], p_branches smallint[],
                                     p_accounts bigint[], p_subjects integer[], p_from smallint[], p_to smallint[], p_fens bigint[])
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    closing day_close%ROWTYPE;
    written integer;
BEGIN
    SELECT * INTO closing FROM day_close WHERE centre_id = p_centre AND business_date = p_day AND state = 1 FOR UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION '% is not marked', p_day USING errcode = 'LD005';
    END IF;
    INSERT INTO journal (journal_id, maker_id, checker_id, made_at, business_date, rule_id, lines, centre_id, event, branch_id)
    SELECT j.journal_id, closing.maker_id, closing.checker_id, p_at, p_day, 0, 2 * count(*), p_centre, 13, j.branch_id
      FROM unnest(p_journals, p_branches) AS j (journal_id, branch_id)
      JOIN unnest(p_to) AS m (branch_id) USING (branch_id)
     GROUP BY j.journal_id, j.branch_id;
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part, red, branch_id)
    SELECT j.journal_id, m.account_id, side.sign * m.fen, p_day, p_day, m.subject, p_centre, 0, false,
           CASE WHEN side.sign < 0 THEN m.from_branch ELSE 0 END
      FROM unnest(p_accounts, p_subjects, p_from, p_to, p_fens) AS m (account_id, subject, from_branch, to_branch, fen)
      JOIN unnest(p_journals, p_branches) AS j (journal_id, branch_id) ON j.branch_id = m.to_branch
     CROSS JOIN (VALUES (-1), (1)) AS side (sign);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

-- As in 0002, but that a line with a branch of its own is summed there.
CREATE OR REPLACE FUNCTION ledger_seal_day(p_centre smallint, p_day date, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month_no smallint := extract(year FROM p_day) * 12 + extract(month FROM p_day) - 1;
    sealed   date;
    bad      bigint;
    numbered integer;
BEGIN
    PERFORM FROM day_close WHERE centre_id = p_centre AND business_date = p_day AND state = 1 FOR UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION '% is not marked', p_day USING errcode = 'LD005';
    END IF;
    IF EXISTS (SELECT FROM day_close WHERE centre_id = p_centre AND business_date < p_day AND state = 1) THEN
        RAISE EXCEPTION 'an earlier day is not sealed' USING errcode = 'LD005';
    END IF;
    SELECT max(business_date) INTO sealed FROM day_close WHERE centre_id = p_centre AND state = 2;

    -- Each journal of the day, its lines counted and summed (I1), for the totals below.
    CREATE TEMPORARY TABLE sealing ON COMMIT DROP AS
    SELECT j.journal_id, j.event, j.branch_id,
           coalesce(min(p.account_id) FILTER (WHERE p.subject IN (10101, 10102, 10201, 10202)), 0) AS bank_account_id,
           j.lines AS said, count(p.journal_id) AS lines, sum(p.amount_fen) AS net_fen,
           coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0) AS debit_fen,
           coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0) AS credit_fen
      FROM journal j
      LEFT JOIN posting p ON p.centre_id = p_centre AND p.business_date = p_day AND p.journal_id = j.journal_id
     WHERE j.centre_id = p_centre AND j.business_date = p_day
     GROUP BY j.journal_id, j.event, j.branch_id, j.lines;
    ANALYZE sealing;
    SELECT journal_id INTO bad FROM sealing WHERE said <> lines OR net_fen <> 0 LIMIT 1;
    IF found THEN
        RAISE EXCEPTION 'journal % does not have its lines or does not balance', bad USING errcode = 'LD005';
    END IF;
    IF (SELECT coalesce(sum(lines), 0) FROM sealing)
       <> (SELECT count(*) FROM posting WHERE centre_id = p_centre AND business_date = p_day) THEN
        RAISE EXCEPTION 'postings without a journal' USING errcode = 'LD005';
    END IF;

    INSERT INTO day_sum (centre_id, business_date, branch_id, subject, debit_fen, credit_fen, closing_fen, postings)
    SELECT p_centre, p_day, branch_id, subject, sum(debit), sum(credit), sum(opening) + sum(debit) - sum(credit),
           sum(lines)
      FROM (SELECT branch_id, subject, closing_fen AS opening, 0 AS debit, 0 AS credit, 0 AS lines
              FROM day_sum WHERE centre_id = p_centre AND business_date = sealed
             UNION ALL
            SELECT coalesce(nullif(p.branch_id, 0::smallint), j.branch_id), p.subject, 0,
                   coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0),
                   coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0), count(*)
              FROM posting p
              JOIN sealing j ON j.journal_id = p.journal_id
             WHERE p.centre_id = p_centre AND p.business_date = p_day
             GROUP BY 1, p.subject) AS moved
     GROUP BY branch_id, subject;
    INSERT INTO account_sum (centre_id, business_date, account_id, debit_fen, credit_fen, closing_fen)
    SELECT p_centre, p_day, account_id, sum(debit), sum(credit), sum(opening) + sum(debit) - sum(credit)
      FROM (SELECT account_id, closing_fen AS opening, 0 AS debit, 0 AS credit
              FROM account_sum WHERE centre_id = p_centre AND business_date = sealed
             UNION ALL
            SELECT p.account_id, 0, coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0),
                   coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0)
              FROM posting p
              JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = p.account_id AND NOT a.running
             WHERE p.centre_id = p_centre AND p.business_date = p_day
             GROUP BY p.account_id) AS moved
     GROUP BY account_id;
    SELECT -sum(closing_fen) INTO bad FROM day_sum
     WHERE centre_id = p_centre AND business_date = p_day AND subject = 21907;
    IF bad <> 0 THEN
        RAISE EXCEPTION '% fen collected from cards are not applied (21907)', bad USING errcode = 'LD005';
    END IF;

    INSERT INTO voucher (centre_id, month, number, business_date, event, branch_id, bank_account_id, journals, lines,
                         debit_fen, credit_fen)
    SELECT p_centre, month_no,
           (SELECT coalesce(max(number), 0) FROM voucher WHERE centre_id = p_centre AND month = month_no)
               + row_number() OVER (ORDER BY event, bank_account_id, branch_id),
           p_day, event, branch_id, bank_account_id, count(*), sum(lines), sum(debit_fen), sum(credit_fen)
      FROM sealing
     GROUP BY event, bank_account_id, branch_id;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    UPDATE day_close
       SET state = 2, sealed_at = p_at, vouchers = numbered, journals = t.journals, postings = t.postings,
           debit_fen = t.debit
      FROM (SELECT count(*) AS journals, coalesce(sum(lines), 0) AS postings, coalesce(sum(debit_fen), 0) AS debit
              FROM sealing) AS t
     WHERE centre_id = p_centre AND business_date = p_day;
    RETURN numbered;
END $$;

-- The branch that kept an employer at the end of a day, and the one that kept a person: where his membership stood, or stood last.
CREATE FUNCTION branch_of_employer(p_centre smallint, p_employer bigint, p_day date) RETURNS smallint LANGUAGE sql STABLE AS $$
  SELECT branch_id FROM employer_day
   WHERE centre_id = p_centre AND employer_id = p_employer AND from_day <= p_day
   ORDER BY from_day DESC LIMIT 1
$$;
CREATE FUNCTION branch_of_person(p_centre smallint, p_person bigint, p_day date) RETURNS smallint LANGUAGE sql STABLE AS $$
  SELECT branch_of_employer(p_centre, d.employer_id, p_day)
    FROM membership m
   CROSS JOIN LATERAL (SELECT employer_id, state FROM membership_day
                        WHERE centre_id = p_centre AND membership_id = m.membership_id AND from_day <= p_day
                        ORDER BY from_day DESC LIMIT 1) AS d
   WHERE m.centre_id = p_centre AND m.person_id = p_person
   ORDER BY d.state <> 9 DESC, m.membership_id DESC LIMIT 1
$$;

-- Whether a branch keeps a person: it keeps the employer where he is a member, or where he was one if he is none now. No branch: the centre,
-- which keeps everybody. For lists that show people.
CREATE FUNCTION keeps_person(p_centre smallint, p_branch smallint, p_person bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT p_branch IS NULL
      OR EXISTS (SELECT FROM membership m
                   JOIN employer e ON e.centre_id = p_centre AND e.employer_id = m.employer_id
                  WHERE m.centre_id = p_centre AND m.person_id = p_person AND e.branch_id = p_branch
                    AND (m.state <> 9 OR NOT EXISTS (SELECT FROM membership l
                                                      WHERE l.centre_id = p_centre AND l.person_id = p_person AND l.state <> 9)))
$$;

-- 划转: an employer goes to another branch with effect from a day. One proposes, another checks; a case would want an applicant, a correction
-- a list. At most one of an employer waits.
CREATE TABLE employer_move (
  centre_id   smallint    NOT NULL,
  move_id     bigint      NOT NULL,
  employer_id bigint      NOT NULL,
  from_branch smallint    NOT NULL,
  to_branch   smallint    NOT NULL CHECK (to_branch <> from_branch),
  from_day    date        NOT NULL,
  reason      text        NOT NULL,
  state       smallint    NOT NULL,             -- 1 waits for the checker, 2 waits for its day, 3 done, 4 sent back
  maker_id    bigint      NOT NULL,
  made_at     timestamptz NOT NULL,
  checker_id  bigint,
  checked_at  timestamptz,
  answer      text,
  CONSTRAINT two_persons CHECK (maker_id <> checker_id),
  PRIMARY KEY (centre_id, move_id)
);
CREATE UNIQUE INDEX employer_move_open ON employer_move (centre_id, employer_id) WHERE state IN (1, 2);   -- one at a time
CREATE INDEX employer_move_due ON employer_move (centre_id, from_day) WHERE state = 2;                     -- what its day brings

DO $$ BEGIN
  REVOKE EXECUTE ON FUNCTION ledger_move_branches(smallint, date, timestamptz, bigint[], smallint[], bigint[], integer[], smallint[],
                                                  smallint[], bigint[]) FROM PUBLIC;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT EXECUTE ON FUNCTION ledger_move_branches(smallint, date, timestamptz, bigint[], smallint[], bigint[], integer[], smallint[],
                                                   smallint[], bigint[]) TO anju_app;
    GRANT SELECT, INSERT, UPDATE ON employer_move TO anju_app;
  END IF;
END $$;
