-- The housing subsidy's account (住房补贴, kind 2) bears interest at a rate of its own (contribution.md §13). Both rates stand in one row of a day,
-- so that whoever looks up one has the other: a table beside interest_rate would be a second look-up in every booking.
-- What follows is each function of the ledger that reckons interest, as before but for the rate of the account's kind.

ALTER TABLE interest_rate ADD COLUMN subsidy_bp integer CHECK (subsidy_bp BETWEEN 0 AND 10000), ADD COLUMN subsidy_w bigint;
UPDATE interest_rate SET subsidy_bp = bp, subsidy_w = w;        -- until now a rate that differed was refused
ALTER TABLE interest_rate ALTER COLUMN subsidy_bp SET NOT NULL, ALTER COLUMN subsidy_w SET NOT NULL;

-- W of an account's kind. The one of two arguments is the provident fund's.
CREATE FUNCTION w_at(p_centre smallint, p_day date, p_kind smallint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    cumulated bigint;
BEGIN
    SELECT CASE WHEN p_kind = 2 THEN subsidy_w + subsidy_bp::bigint * (p_day - from_date)
                ELSE w + bp::bigint * (p_day - from_date) END INTO cumulated
      FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_day
     ORDER BY from_date DESC
     LIMIT 1;
    IF NOT found THEN
        RAISE EXCEPTION 'centre % has no interest rate on %', p_centre, p_day USING errcode = 'LD006';
    END IF;
    RETURN cumulated;
END $$;

-- All rates of a centre, ascending. Days before the open one are counted already: what is said of them must be what is known. Later rows are
-- put in place of those that were known.
DROP FUNCTION ledger_set_rate(smallint, date, integer);
CREATE FUNCTION ledger_set_rates(p_centre smallint, p_from date[], p_bp integer[], p_subsidy_bp integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    counted date;       -- the open day: rates before it are in accruals; none where nothing was reckoned yet
    before  interest_rate;
    one     record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger_set_rate'), p_centre);
    -- The day does not move while its rates do.
    SELECT open_date INTO counted FROM business_day WHERE centre_id = p_centre FOR SHARE;
    IF NOT EXISTS (SELECT FROM interest_rate WHERE centre_id = p_centre) THEN
        counted := NULL;
    END IF;
    IF EXISTS ((SELECT from_date, bp, subsidy_bp FROM interest_rate WHERE centre_id = p_centre AND from_date < counted
                EXCEPT SELECT * FROM unnest(p_from, p_bp, p_subsidy_bp))
               UNION ALL
               (SELECT * FROM unnest(p_from, p_bp, p_subsidy_bp) AS said (from_date, bp, subsidy_bp) WHERE from_date < counted
                EXCEPT SELECT from_date, bp, subsidy_bp FROM interest_rate WHERE centre_id = p_centre)) THEN
        RAISE EXCEPTION 'a rate would change days before %, which are counted', counted USING errcode = 'LD006';
    END IF;
    DELETE FROM interest_rate WHERE centre_id = p_centre AND from_date >= coalesce(counted, '-infinity');
    FOR one IN SELECT * FROM unnest(p_from, p_bp, p_subsidy_bp) AS said (from_date, bp, subsidy_bp)
                WHERE from_date >= coalesce(counted, '-infinity')
                ORDER BY from_date LOOP
        SELECT * INTO before FROM interest_rate WHERE centre_id = p_centre ORDER BY from_date DESC LIMIT 1;
        INSERT INTO interest_rate (centre_id, from_date, bp, w, subsidy_bp, subsidy_w)
        VALUES (p_centre, one.from_date, one.bp, coalesce(before.w + before.bp::bigint * (one.from_date - before.from_date), 0),
                one.subsidy_bp,
                coalesce(before.subsidy_w + before.subsidy_bp::bigint * (one.from_date - before.from_date), 0));
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION ledger_products(p_centre smallint, p_account bigint, p_settled date, p_day date,
    OUT product bigint, OUT accrual bigint) LANGUAGE sql STABLE AS $$
    SELECT coalesce(-sum(amount_fen * (p_day - greatest(value_date, p_settled))), 0)::bigint,
           coalesce(-sum(amount_fen * (w_at(p_centre, p_day, kind) - w_at(p_centre, greatest(value_date, p_settled), kind))), 0)::bigint
      FROM posting
      JOIN (SELECT kind FROM ledger_account WHERE centre_id = p_centre AND account_id = p_account) AS account ON true
     WHERE centre_id = p_centre
       AND account_id = p_account
       AND subject = 201
$$;

CREATE OR REPLACE FUNCTION ledger_settle(p_centre smallint, p_day date, p_until date, p_journal bigint, p_event smallint,
    p_case bigint, p_maker bigint, p_rule integer, p_branch smallint, p_at timestamptz, p_lo bigint, p_hi bigint,
    p_accounts bigint[], OUT accounts integer, OUT total_fen bigint)
LANGUAGE plpgsql AS $$
DECLARE
    rate    interest_rate;
    days    text := 'a.product + a.balance_fen * ($3 - a.product_date)';
    earned  text;
    rounded text;       -- ledger_interest, written out: a function whose argument costs much is not inlined
    counter integer := CASE p_event WHEN 28 THEN 41101 ELSE 211 END;
BEGIN
    PERFORM ledger_require_open(p_centre, p_day);
    SELECT * INTO rate FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_until - (p_event <> 28)::integer ORDER BY from_date DESC LIMIT 1;
    IF NOT found THEN
        PERFORM w_at(p_centre, p_until - (p_event <> 28)::integer);    -- raises
    END IF;
    IF (SELECT by_segment FROM business_day WHERE centre_id = p_centre) THEN
        -- The rate rarely changed since the last movement: then no look-up a row.
        earned := 'a.accrual + a.balance_fen * CASE WHEN a.product_date >= $12 THEN <bp>::bigint * ($3 - a.product_date)
                                                    ELSE CASE a.kind WHEN 2 THEN $19 ELSE $14 END - w_at($1, a.product_date, a.kind) END';
    ELSE
        earned := format('(%s) * <bp>', days);
    END IF;
    rounded := format('((%1$s + CASE WHEN %1$s < 0 THEN -1800000 ELSE 1800000 END) / 3600000)', earned);
    EXECUTE replace(replace(replace(replace(
       'WITH settled AS (
            UPDATE ledger_account a
               SET last_product = <days>, last_interest = <interest>,
                   balance_fen = a.balance_fen + <interest>, product = 0, accrual = 0,
                   product_date = $3, settled_on = $3, version = a.version + 1
             WHERE a.centre_id = $1 AND <keys>
               AND a.subject = 201 AND a.state <> 3 AND a.settled_on < $3 AND a.product_date <= $3
               AND a.balance_fen + <interest> >= a.reserved_fen
            RETURNING a.account_id, a.last_interest),
        total AS (SELECT count(*) AS n, coalesce(sum(last_interest), 0)::bigint AS fen,
                         count(*) FILTER (WHERE last_interest <> 0) AS lines FROM settled),
        header AS (
            INSERT INTO journal (journal_id, case_id, maker_id, made_at, business_date, rule_id, lines, centre_id, event,
                                 branch_id)
            SELECT $4, $6, $7, $10, $2, $8, lines + (fen <> 0)::integer, $1, $5, $9 FROM total WHERE lines <> 0),
        line AS (
            INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
            SELECT $4, account_id, -last_interest, $2, $3, 201, $1, 3 FROM settled WHERE last_interest <> 0
             UNION ALL
            SELECT $4, $11, fen, $2, $3, $11, $1, 0 FROM total WHERE fen <> 0)
        SELECT n::integer, fen FROM total',
        '<keys>', CASE WHEN p_accounts IS NULL THEN 'a.account_id > $15 AND a.account_id <= $16'
                       ELSE 'a.account_id = ANY ($17)' END),
        '<days>', days), '<interest>', rounded), '<bp>', 'CASE a.kind WHEN 2 THEN $18 ELSE $13 END')
       INTO accounts, total_fen
      USING p_centre, p_day, p_until, p_journal, p_event, p_case, p_maker, p_rule, p_branch, p_at, counter,
            rate.from_date, rate.bp, rate.w + rate.bp::bigint * (p_until - rate.from_date), p_lo, p_hi, p_accounts,
            rate.subsidy_bp, rate.subsidy_w + rate.subsidy_bp::bigint * (p_until - rate.from_date);
END $$;

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
                          THEN own * (w_at(p_centre, p_day, a.kind) - w_at(p_centre, greatest(l.value_date, a.settled_on), a.kind))
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
                                      a.balance_fen * (w_at(p_centre, p_day, a.kind) - w_at(p_centre, a.product_date, a.kind)) END
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
             own * (w_at(p_centre, a.settled_on, a.kind) - w_at(p_centre, l.value_date, a.kind))
        FROM unnest(p_accounts, p_amounts, p_value_dates) AS l (account_id, amount_fen, value_date)
        JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.subject = 201
       CROSS JOIN LATERAL (SELECT l.amount_fen * ledger_side(a.subject) AS own) AS side
       WHERE l.value_date < a.settled_on;
    END IF;
    RETURN p_journal;
END $$;

CREATE OR REPLACE FUNCTION ledger_pay_out(p_centre smallint, p_day date, p_journal bigint, p_event smallint, p_key uuid,
    p_digest uuid, p_ref bigint, p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_branch smallint,
    p_at timestamptz, p_account bigint, p_version integer, p_amount bigint, p_payable bigint, p_hold bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    year    date := interest_year(p_day);
    guard   integer := p_version;
    held    bigint := 0;
    counter integer;
BEGIN
    IF p_hold IS NOT NULL THEN
        SELECT amount_fen INTO held FROM account_hold
         WHERE centre_id = p_centre AND hold_id = p_hold AND account_id = p_account AND kind = 2 AND released_at IS NULL
           FOR UPDATE;
        IF NOT found THEN
            RETURN false;
        END IF;
    END IF;
    LOOP
        UPDATE ledger_account a
           SET balance_fen  = a.balance_fen - p_amount,
               reserved_fen = a.reserved_fen - held,
               version      = a.version + 1,
               product      = a.product + a.balance_fen * (p_day - a.product_date),
               accrual      = a.accrual + CASE WHEN a.product_date = p_day THEN 0 ELSE
                              a.balance_fen * (w_at(p_centre, p_day, a.kind) - w_at(p_centre, a.product_date, a.kind)) END,
               product_date = p_day
          FROM business_day d
         WHERE d.centre_id = p_centre
           AND d.open_date = p_day           -- the day as the snapshot that writes sees it
           AND a.centre_id = p_centre
           AND a.account_id = p_account
           AND a.version = guard
           AND a.subject = 201
           AND a.state <> 3
           AND a.settled_on >= year
           AND a.product_date <= p_day
           AND p_amount > 0
           AND a.balance_fen - a.frozen_fen - a.reserved_fen + held >= p_amount;
        EXIT WHEN found;
        -- Once a year: the account is not settled yet.
        PERFORM FROM ledger_account
          WHERE centre_id = p_centre AND account_id = p_account AND version = guard AND settled_on < year AND state <> 3
            FOR NO KEY UPDATE;
        IF NOT found OR NOT EXISTS (SELECT FROM business_day WHERE centre_id = p_centre AND open_date = p_day)
           OR ledger_settle_touched(p_centre, p_day, p_branch, p_at, ARRAY[p_account]) <> 1 THEN
            RETURN false;
        END IF;
        guard := guard + 1;
    END LOOP;
    UPDATE account_hold SET released_at = p_at WHERE centre_id = p_centre AND hold_id = p_hold;
    SELECT subject INTO counter FROM ledger_account
     WHERE centre_id = p_centre AND account_id = p_payable AND NOT running;
    IF NOT found THEN
        RAISE EXCEPTION '% is not a dimension account', p_payable USING errcode = 'LD002';
    END IF;
    INSERT INTO command (centre_id, key, digest, ref_id) VALUES (p_centre, p_key, p_digest, p_ref);
    INSERT INTO journal (journal_id, case_id, maker_id, checker_id, made_at, business_date, rule_id, lines, centre_id,
                         event, branch_id)
    VALUES (p_journal, p_case, p_maker, p_checker, p_at, p_day, p_rule, 2, p_centre, p_event, p_branch);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
    VALUES (p_journal, p_account, p_amount, p_day, p_day, 201, p_centre, 0),
           (p_journal, p_payable, -p_amount, p_day, p_day, counter, p_centre, 0);
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION ledger_pay_out_many(p_centre smallint, p_day date, p_event smallint, p_rule integer, p_payable bigint, p_journals bigint[],
    p_keys uuid[], p_digests uuid[], p_cases bigint[], p_makers bigint[], p_branches smallint[], p_ats timestamptz[],
    p_accounts bigint[], p_versions integer[], p_amounts bigint[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    year    date := interest_year(p_day);
    now_w   bigint := w_at(p_centre, p_day);
    now_subsidy_w bigint := w_at(p_centre, p_day, 2::smallint);
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
                              a.balance_fen * (CASE a.kind WHEN 2 THEN now_subsidy_w ELSE now_w END - w_at(p_centre, a.product_date, a.kind)) END,
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

CREATE OR REPLACE FUNCTION ledger_allocate(p_centre smallint, p_day date, p_journal bigint, p_event smallint, p_key uuid,
    p_digest uuid, p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_branch smallint, p_month smallint,
    p_at timestamptz, p_value_date date, p_suspense bigint, p_accounts bigint[], p_first bigint[], p_second bigint[],
    p_first_part smallint DEFAULT 1, p_second_part smallint DEFAULT 2) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    year    date := interest_year(p_day);
    now_w   bigint := w_at(p_centre, p_day);
    now_subsidy_w bigint := w_at(p_centre, p_day, 2::smallint);
    rate    interest_rate;
    total   bigint;
    changed integer;
    stale   bigint[];
BEGIN
    SELECT sum(first + second) INTO total FROM unnest(p_first, p_second) AS line (first, second);
    IF total IS NULL OR total <= 0 OR EXISTS (SELECT FROM unnest(p_first) AS v WHERE v IS NULL OR v < 0)
       OR EXISTS (SELECT FROM unnest(p_second) AS v WHERE v IS NULL OR v < 0)
       OR cardinality(p_first) <> cardinality(p_accounts) OR cardinality(p_second) <> cardinality(p_accounts) THEN
        RAISE EXCEPTION 'an allocation needs lines of amounts that are not negative' USING errcode = 'LD004';
    END IF;
    SELECT * INTO rate FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_day ORDER BY from_date DESC LIMIT 1;
    FOR attempt IN 1 .. 2 LOOP
        BEGIN
            WITH line AS MATERIALIZED (
                SELECT account_id, own
                  FROM (SELECT account_id, first + second
                          FROM unnest(p_accounts, p_first, p_second) AS l (account_id, first, second)
                         UNION ALL
                        SELECT p_suspense, -total) AS both_sides (account_id, own)
                 ORDER BY account_id)
            UPDATE ledger_account a
               SET balance_fen  = a.balance_fen + l.own,
                   version      = a.version + 1,
                   product      = CASE WHEN a.subject = 201
                                       THEN a.product + a.balance_fen * (p_day - a.product_date)
                                            + l.own * (p_day - greatest(p_value_date, a.settled_on))
                                       ELSE 0 END,
                   accrual      = CASE WHEN a.subject = 201
                                       THEN a.accrual
                                            + a.balance_fen * CASE WHEN a.product_date >= rate.from_date
                                                                   THEN CASE a.kind WHEN 2 THEN rate.subsidy_bp ELSE rate.bp END::bigint
                                                                        * (p_day - a.product_date)
                                                                   ELSE CASE a.kind WHEN 2 THEN now_subsidy_w ELSE now_w END
                                                                        - w_at(p_centre, a.product_date, a.kind) END
                                            + l.own * CASE WHEN p_value_date = p_day THEN 0
                                                           ELSE CASE a.kind WHEN 2 THEN now_subsidy_w ELSE now_w END
                                                                - w_at(p_centre, greatest(p_value_date, a.settled_on), a.kind)
                                                           END
                                       ELSE 0 END,
                   product_date = p_day
              FROM line l, business_day d
             WHERE d.centre_id = p_centre
               AND d.open_date = p_day
               AND a.centre_id = p_centre
               AND a.account_id = l.account_id
               -- Inside a CASE the planner does not guess that few rows remain, and keeps looking accounts up by line.
               AND CASE WHEN a.running AND a.state = 1 AND a.product_date <= p_day
                             AND (a.subject = 201 AND a.settled_on >= year OR a.account_id = p_suspense)
                        THEN true ELSE false END;
            GET DIAGNOSTICS changed = ROW_COUNT;
            EXIT WHEN changed = cardinality(p_accounts) + 1;
            RAISE EXCEPTION '% of % accounts take no contribution', cardinality(p_accounts) + 1 - changed,
                  cardinality(p_accounts) USING errcode = 'LD004';
        EXCEPTION WHEN SQLSTATE 'LD004' THEN
            PERFORM ledger_require_open(p_centre, p_day);
            -- Once a year: those that are not settled yet are settled, and the whole is tried again.
            SELECT array_agg(a.account_id ORDER BY a.account_id) INTO stale
              FROM unnest(p_accounts) AS l (account_id)
              JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id
                                   AND CASE WHEN a.subject = 201 AND a.settled_on < year AND a.state = 1
                                            THEN true ELSE false END;
            IF attempt = 2 OR stale IS NULL THEN
                RAISE;
            END IF;
            PERFORM ledger_settle_touched(p_centre, p_day, p_branch, p_at, stale);
        END;
    END LOOP;

    INSERT INTO command (centre_id, key, digest, ref_id) VALUES (p_centre, p_key, p_digest, p_journal);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
    SELECT p_journal, l.account_id, -side.fen, p_day, p_value_date, 201, p_centre, side.part
      FROM unnest(p_accounts, p_first, p_second) AS l (account_id, first, second),
           LATERAL (VALUES (l.first, p_first_part), (l.second, p_second_part)) AS side (fen, part)
     WHERE side.fen <> 0
     UNION ALL
    SELECT p_journal, p_suspense, total, p_day, p_value_date, 21901, p_centre, 0::smallint;
    GET DIAGNOSTICS changed = ROW_COUNT;
    INSERT INTO journal (journal_id, case_id, maker_id, checker_id, made_at, business_date, rule_id, lines, centre_id,
                         event, branch_id, month)
    VALUES (p_journal, p_case, p_maker, p_checker, p_at, p_day, p_rule, changed, p_centre, p_event, p_branch, p_month);
    IF p_value_date < p_day THEN
        INSERT INTO product_adjustment (centre_id, account_id, journal_id, value_date, settled_on, product, accrual)
        SELECT p_centre, a.account_id, p_journal, p_value_date, a.settled_on,
               (l.first + l.second) * (a.settled_on - p_value_date),
               (l.first + l.second) * (w_at(p_centre, a.settled_on, a.kind) - w_at(p_centre, p_value_date, a.kind))
          FROM unnest(p_accounts, p_first, p_second) AS l (account_id, first, second)
          JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id
         WHERE a.settled_on > p_value_date;
    END IF;
    RETURN cardinality(p_accounts);
END $$;

CREATE OR REPLACE FUNCTION ledger_settlement_preview(p_centre smallint, p_until date,
    OUT account_id bigint, OUT balance_fen bigint, OUT days bigint, OUT interest_fen bigint, OUT blocked boolean)
RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    rate    interest_rate;
    segment boolean;
BEGIN
    SELECT * INTO rate FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_until - 1 ORDER BY from_date DESC LIMIT 1;
    IF NOT found THEN
        PERFORM w_at(p_centre, p_until - 1);    -- raises
    END IF;
    SELECT by_segment INTO segment FROM business_day WHERE centre_id = p_centre;
    RETURN QUERY
    SELECT a.account_id, a.balance_fen, d.days, i.interest, a.balance_fen + i.interest < a.reserved_fen
      FROM ledger_account a
     CROSS JOIN LATERAL (SELECT a.product + a.balance_fen * (p_until - a.product_date) AS days) d
     CROSS JOIN LATERAL (SELECT CASE a.kind WHEN 2 THEN rate.subsidy_bp ELSE rate.bp END AS bp,
                                CASE a.kind WHEN 2 THEN rate.subsidy_w ELSE rate.w END AS w) r
     CROSS JOIN LATERAL (SELECT ledger_interest(
               CASE WHEN NOT segment THEN d.days * r.bp
                    WHEN a.product_date >= rate.from_date THEN a.accrual + a.balance_fen * (r.bp::bigint * (p_until - a.product_date))
                    ELSE a.accrual + a.balance_fen * (r.w + r.bp::bigint * (p_until - rate.from_date)
                                                      - w_at(p_centre, a.product_date, a.kind)) END) AS interest) i
     WHERE a.centre_id = p_centre AND a.subject = 201 AND a.state <> 3 AND a.settled_on < p_until AND a.product_date <= p_until;
END $$;

CREATE OR REPLACE FUNCTION ledger_closing_interest(p_centre smallint, p_day date, p_account bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a       ledger_account;
    segment boolean;
    year    date := interest_year(p_day);
    until   date;
    rate_bp integer;
    earned  bigint;
    fen     bigint;
    total   bigint := 0;
BEGIN
    SELECT * INTO a FROM ledger_account
     WHERE centre_id = p_centre AND account_id = p_account AND subject = 201 AND state <> 3;
    IF NOT found THEN
        RETURN 0;
    END IF;
    SELECT by_segment INTO segment FROM business_day WHERE centre_id = p_centre;
    FOREACH until IN ARRAY ARRAY[year, p_day] LOOP
        CONTINUE WHEN a.settled_on >= until OR a.product_date > until;
        IF segment THEN
            earned := a.accrual + a.balance_fen * (w_at(p_centre, until, a.kind) - w_at(p_centre, a.product_date, a.kind));
        ELSE
            -- The rate of the settlement day: the day before 1 July, or the closing day itself.
            SELECT CASE a.kind WHEN 2 THEN subsidy_bp ELSE bp END INTO rate_bp FROM interest_rate
             WHERE centre_id = p_centre AND from_date <= until - (until = year)::integer ORDER BY from_date DESC LIMIT 1;
            earned := (a.product + a.balance_fen * (until - a.product_date)) * rate_bp;
        END IF;
        fen := ledger_interest(earned);
        CONTINUE WHEN a.balance_fen + fen < a.reserved_fen;
        total := total + fen;
        a.balance_fen := a.balance_fen + fen;
        a.product := 0;
        a.accrual := 0;
        a.product_date := until;
        a.settled_on := until;
    END LOOP;
    RETURN total;
END $$;

DO $$
BEGIN
    REVOKE EXECUTE ON FUNCTION ledger_set_rates(smallint, date[], integer[], integer[]) FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
        GRANT EXECUTE ON FUNCTION ledger_set_rates(smallint, date[], integer[], integer[]) TO anju_app;
    END IF;
END $$;
