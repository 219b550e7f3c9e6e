-- $1 centre, $2 the closed day
-- 单位: every employer as it stood at the end of the day, with its suspense (21901): what the account holds now less what was booked since.
WITH later AS (
    SELECT account_id, sum(amount_fen) AS fen
      FROM posting
     WHERE centre_id = $1 AND business_date > $2 AND subject = 21901
     GROUP BY account_id
),
stood AS (
    SELECT DISTINCT ON (employer_id) employer_id, name, state, ratio_employer_bp, ratio_employee_bp, paid_to_month
      FROM employer_day
     WHERE centre_id = $1 AND from_day <= $2
     ORDER BY employer_id, from_day DESC
),
members AS (
    SELECT DISTINCT ON (membership_id) membership_id, employer_id, state
      FROM membership_day
     WHERE centre_id = $1 AND from_day <= $2
     ORDER BY membership_id, from_day DESC
),
people AS (
    SELECT employer_id, count(*) FILTER (WHERE state = 1) AS active, count(*) FILTER (WHERE state = 2) AS sealed
      FROM members
     GROUP BY employer_id
),
unit AS (
    SELECT s.*, e.uscc, a.balance_fen + coalesce(l.fen, 0)::bigint AS suspense_fen, coalesce(p.active, 0) AS active, coalesce(p.sealed, 0) AS sealed
      FROM stood s
      JOIN employer e ON e.centre_id = $1 AND e.employer_id = s.employer_id
      JOIN ledger_account a ON a.centre_id = $1 AND a.account_id = e.suspense_account_id
      LEFT JOIN later l ON l.account_id = a.account_id
      LEFT JOIN people p ON p.employer_id = s.employer_id
)
SELECT NULL::bigint AS account_id, employer_id, NULL::bigint AS journal_id,
       jsonb_strip_nulls(jsonb_build_object(
           'dwmc', name,
           'tyshxydm', CASE WHEN uscc NOT LIKE 'FLEX-%' THEN uscc END,
           'dwzhzt', CASE state WHEN 1 THEN '01' WHEN 4 THEN '02' WHEN 2 THEN '03' WHEN 9 THEN '04' WHEN 3 THEN '05' ELSE '99' END,
           'dwjcbl_bp', ratio_employer_bp,
           'grjcbl_bp', ratio_employee_bp,
           'jcrs', active,
           'fcrs', sealed,
           'jzny', to_char(make_date(paid_to_month / 12, paid_to_month % 12 + 1, 1), 'YYYYMM'),
           'zcye_fen', suspense_fen))::text AS said,
       suspense_fen AS control_fen
  FROM unit
 ORDER BY employer_id
