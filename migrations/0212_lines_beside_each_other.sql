-- An allocation reads its three arrays beside each other in a select list. In FROM each was laid down whole before the first line was
-- read, four times over, a tenth of what an allocation takes. What is booked, and what is refused, is the same as in 0163.
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
    wrong   bigint;
    changed integer;
    stale   bigint[];
BEGIN
    SELECT sum(first + second), count(*) FILTER (WHERE first IS NULL OR first < 0 OR second IS NULL OR second < 0)
      INTO total, wrong
      FROM (SELECT unnest(p_first) AS first, unnest(p_second) AS second) AS line;
    IF total IS NULL OR total <= 0 OR wrong > 0 OR cardinality(p_first) <> cardinality(p_accounts)
       OR cardinality(p_second) <> cardinality(p_accounts) THEN
        RAISE EXCEPTION 'an allocation needs lines of amounts that are not negative' USING errcode = 'LD004';
    END IF;
    SELECT * INTO rate FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_day ORDER BY from_date DESC LIMIT 1;
    FOR attempt IN 1 .. 2 LOOP
        BEGIN
            WITH line AS MATERIALIZED (
                SELECT account_id, own
                  FROM (SELECT account_id, first + second
                          FROM (SELECT unnest(p_accounts) AS account_id, unnest(p_first) AS first, unnest(p_second) AS second) AS l
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
      FROM (SELECT unnest(p_accounts) AS account_id, unnest(p_first) AS first, unnest(p_second) AS second) AS l,
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
          FROM (SELECT unnest(p_accounts) AS account_id, unnest(p_first) AS first, unnest(p_second) AS second) AS l
          JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id
         WHERE a.settled_on > p_value_date;
    END IF;
    RETURN cardinality(p_accounts);
END $$;
