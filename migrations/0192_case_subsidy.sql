-- A withdrawal that leaves the account open may take the housing subsidy's account beside the fund's (contribution.md §13): the fund's first, the
-- rest from the subsidy's, each by an E21 of its own, one payment to one card.
CREATE TABLE case_subsidy (                 -- 住房补贴部分, of the few cases that take from that account
  centre_id  smallint NOT NULL,
  case_id    bigint   NOT NULL,
  account_id bigint   NOT NULL,             -- the subsidy's account
  journal_id bigint   NOT NULL,             -- its E21; the case's own journal where the fund's account gave nothing
  amount_fen bigint   NOT NULL CHECK (amount_fen > 0),
  PRIMARY KEY (centre_id, case_id)
);

-- Called after case_execute, in its transaction: that has opened or moved the case and taken one account's part. p_journal is null where that one
-- was the subsidy's account already; else the subsidy's part is taken here. Case and use then say the whole, on the fund's account.
-- CW001: the account or the day moved.
CREATE FUNCTION case_takes_subsidy(p_centre smallint, p_day date, p_case bigint, p_fund bigint, p_account bigint, p_version integer,
    p_journal bigint, p_key uuid, p_maker bigint, p_checker bigint, p_at timestamptz, p_part bigint, p_whole bigint, p_payable bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    paid business_case;
BEGIN
  UPDATE business_case SET account_id = p_fund, amount_fen = p_whole
   WHERE centre_id = p_centre AND case_id = p_case
  RETURNING * INTO STRICT paid;
  UPDATE withdrawal_use SET amount_fen = p_whole WHERE centre_id = p_centre AND case_id = p_case;
  IF p_journal IS NOT NULL AND NOT ledger_pay_out(p_centre, p_day, p_journal, 21::smallint, p_key, p_key, p_case, p_case, p_maker, p_checker,
                                                  paid.policy_id, paid.branch_id, p_at, p_account, p_version, p_part, p_payable, NULL) THEN
    RAISE EXCEPTION 'the subsidy''s account or the day moved' USING errcode = 'CW001';
  END IF;
  INSERT INTO case_subsidy (centre_id, case_id, account_id, journal_id, amount_fen)
  VALUES (p_centre, p_case, p_account, coalesce(p_journal, paid.journal_id), p_part);
END $$;

-- What the housing subsidy's account of a person can give now, beside what the fund's can (population/sql/take.sql).
ALTER TABLE population ADD COLUMN subsidy_fen bigint NOT NULL DEFAULT 0;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON case_subsidy TO anju_app;
  END IF;
END $$;
