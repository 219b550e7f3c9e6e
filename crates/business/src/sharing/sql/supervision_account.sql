-- $1 centre, $2 the closed day
-- 个人账户: every account of people (201) as it stood at the end of the day; one that has ended for the day on which it ended. No name and no ID number.
WITH later AS (
    SELECT account_id, sum(amount_fen) AS fen
      FROM posting
     WHERE centre_id = $1 AND business_date > $2 AND subject = 201
     GROUP BY account_id
),
members AS (
    SELECT DISTINCT ON (membership_id) membership_id, account_id, employer_id, person_id, state, base_fen, employer_fen, employee_fen, from_day
      FROM membership_day
     WHERE centre_id = $1 AND from_day <= $2
     ORDER BY membership_id, from_day DESC
),
-- Of the employers that an account went through the one that has it, or had it last.
stood AS (
    SELECT DISTINCT ON (account_id) *
      FROM members
     ORDER BY account_id, state, membership_id DESC
),
account AS (
    SELECT a.account_id, a.kind, a.frozen_fen, a.balance_fen + coalesce(l.fen, 0)::bigint AS balance_fen, s.employer_id, s.person_id,
           coalesce(s.state, 1) AS state, s.base_fen, s.employer_fen, s.employee_fen, s.from_day
      FROM ledger_account a
      LEFT JOIN later l ON l.account_id = a.account_id
      LEFT JOIN stood s ON s.account_id = a.account_id
     WHERE a.centre_id = $1 AND a.subject = 201
)
SELECT account_id, employer_id, NULL::bigint AS journal_id,
       jsonb_strip_nulls(jsonb_build_object(
           'zjlx', CASE kind WHEN 2 THEN '02' ELSE '01' END,
           'grzhzt', CASE
                WHEN state = 9 AND EXISTS (SELECT FROM person p
                                            WHERE p.centre_id = $1 AND p.person_id = account.person_id AND p.merged_into IS NOT NULL) THEN '03'
                WHEN state = 9 AND EXISTS (SELECT FROM posting p JOIN journal j USING (centre_id, journal_id, business_date)
                                            WHERE p.centre_id = $1 AND p.account_id = account.account_id AND p.business_date <= $2
                                              AND p.subject IN (201, 12101, 122, 11102, 21901, 21902) AND p.subject = 201 AND j.event = 35) THEN '04'
                WHEN state = 9 THEN '05'
                WHEN frozen_fen > 0 THEN '06'
                WHEN state = 2 THEN '02'
                ELSE '01' END,
           'grjcjs_fen', base_fen,
           'dwyjce_fen', employer_fen,
           'gryjce_fen', employee_fen,
           'grzhye_fen', balance_fen))::text AS said,
       balance_fen AS control_fen
  FROM account
 WHERE balance_fen <> 0
    OR state IN (1, 2) AND from_day IS NOT NULL
    OR from_day = $2
 ORDER BY account_id
