-- The year's interest is previewed by one and approved by another before it is booked (年度结息).

-- Not day_signature: a year is approved after its last day was sealed, on figures of its own, and is done when its last range is.
CREATE TABLE interest_settlement (
  centre_id    smallint NOT NULL,
  until        date     NOT NULL,           -- 1 July: the value date of the interest
  state        smallint NOT NULL,           -- 1 proposed, 2 approved and running, 3 done, 4 sent back
  accounts     bigint   NOT NULL,           -- as previewed
  interest_fen bigint   NOT NULL,
  maker_id     bigint   NOT NULL,
  made_at      timestamptz NOT NULL,
  checker_id   bigint,
  checked_at   timestamptz,
  done_at      timestamptz,
  PRIMARY KEY (centre_id, until),
  CHECK (checker_id IS NULL OR checker_id <> maker_id OR maker_id = 0)
);

-- Years that were settled before there was an approval: batch numbers of a year's interest are its 1 July.
INSERT INTO interest_settlement (centre_id, until, state, accounts, interest_fen, maker_id, made_at, checked_at, done_at)
SELECT centre_id, to_date(batch_id::text, 'YYYYMMDD'), 3, sum(accounts), sum(total_fen), 0, min(at), min(at), max(at)
  FROM batch_range
 WHERE batch_id BETWEEN 20000701 AND 21000701
 GROUP BY centre_id, batch_id;

-- What a settlement to p_until would book, account by account, if nothing moved until then: the same arithmetic as ledger_settle,
-- which a test compares. blocked: the account would fall below zero and is left for a person.
CREATE FUNCTION ledger_settlement_preview(p_centre smallint, p_until date,
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
     CROSS JOIN LATERAL (SELECT ledger_interest(
               CASE WHEN NOT segment THEN d.days * rate.bp
                    WHEN a.product_date >= rate.from_date THEN a.accrual + a.balance_fen * (rate.bp::bigint * (p_until - a.product_date))
                    ELSE a.accrual + a.balance_fen * (rate.w + rate.bp::bigint * (p_until - rate.from_date)
                                                      - w_at(p_centre, a.product_date)) END) AS interest) i
     WHERE a.centre_id = p_centre AND a.subject = 201 AND a.state <> 3 AND a.settled_on < p_until AND a.product_date <= p_until;
END $$;

DO $$
BEGIN
    REVOKE EXECUTE ON FUNCTION ledger_settlement_preview(smallint, date) FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
        GRANT EXECUTE ON FUNCTION ledger_settlement_preview(smallint, date) TO anju_app;
        GRANT SELECT, INSERT, UPDATE ON interest_settlement TO anju_app;
    END IF;
END $$;
