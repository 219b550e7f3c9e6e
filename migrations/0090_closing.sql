-- Closing withdrawals (销户提取, withdrawal.md §5): which accounts a case has closed, and by which journals, so that a bank's refusal or a return
-- can open them again.
--
-- Not in business_case: a case closes the housing subsidy's account too, and each has two journals of its own. Not in withdrawal_use: that counts
-- what of an event is used, once a case. Not read from the journals: an account without interest has none of E28.
CREATE TABLE account_closing (
  centre_id        smallint NOT NULL,
  case_id          bigint   NOT NULL,
  account_id       bigint   NOT NULL,
  membership_id    bigint,                  -- of the provident fund's account; none for a subsidy
  interest_journal bigint,                  -- E28; none where no interest was due
  out_journal      bigint,                  -- E21; none where there was nothing to pay
  interest_fen     bigint   NOT NULL,
  amount_fen       bigint   NOT NULL,       -- with interest: what E21 took
  closed_on        date     NOT NULL,       -- business date
  reopened_at      timestamptz,
  PRIMARY KEY (centre_id, case_id, account_id)
);

-- A closed subsidy account stays the person's; a later subsidy opens another one.
ALTER TABLE subsidy_member ADD COLUMN closed_on date;
DROP INDEX subsidy_member_person;
CREATE UNIQUE INDEX subsidy_member_person ON subsidy_member (centre_id, person_id) WHERE closed_on IS NULL;   -- one person, one living account
CREATE INDEX subsidy_member_of ON subsidy_member (centre_id, person_id);                                      -- all accounts of a person

-- What E72 and E28 would credit if the account were closed on p_day: the arithmetic of ledger_settle for one account, so that a decision can name the
-- fen that ledger_close_interest then books. A test holds the one against the other.
CREATE FUNCTION ledger_closing_interest(p_centre smallint, p_day date, p_account bigint) RETURNS bigint
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
            earned := a.accrual + a.balance_fen * (w_at(p_centre, until) - w_at(p_centre, a.product_date));
        ELSE
            -- The rate of the settlement day: the day before 1 July, or the closing day itself.
            SELECT bp INTO rate_bp FROM interest_rate
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
    REVOKE EXECUTE ON FUNCTION ledger_closing_interest(smallint, date, bigint) FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
        GRANT EXECUTE ON FUNCTION ledger_closing_interest(smallint, date, bigint) TO anju_app;
        GRANT SELECT, INSERT, UPDATE ON account_closing TO anju_app;
    END IF;
END $$;
