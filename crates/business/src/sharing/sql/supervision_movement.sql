-- $1 centre, $2 the closed day, $3 true: what came onto accounts of people (201), false: what left them
-- 归集业务明细, 提取业务明细: each posting of the day, a red one below zero on its own side, as the trial balance counts turnover.
SELECT p.account_id, NULL::bigint AS employer_id, p.journal_id,
       jsonb_strip_nulls(jsonb_build_object(
           'ywlx', CASE
                WHEN j.event IN (5, 12) THEN '01'
                WHEN j.event = 6 THEN '02'
                WHEN j.event = 13 THEN '06'
                WHEN j.event IN (35, 36) THEN '07'
                WHEN j.event = 33 THEN '08'
                WHEN j.event IN (28, 72, 89) OR p.part = 3 THEN '09'
                WHEN j.event IN (21, 23) AND a.state = 3 THEN '12'
                WHEN j.event IN (21, 23) THEN '11'
                ELSE '99' END,
           'jcxz', CASE p.part WHEN 1 THEN '单位' WHEN 2 THEN '个人' WHEN 3 THEN '利息' WHEN 4 THEN '转入' WHEN 5 THEN '补贴' END,
           'ny', to_char(make_date(j.month / 12, j.month % 12 + 1, 1), 'YYYYMM'),
           'jzrq', to_char(p.business_date, 'YYYYMMDD'),
           'qxrq', to_char(p.value_date, 'YYYYMMDD'),
           'je_fen', CASE WHEN $3 THEN -p.amount_fen ELSE p.amount_fen END))::text AS said,
       CASE WHEN $3 THEN -p.amount_fen ELSE p.amount_fen END AS control_fen
  FROM posting p
  JOIN journal j ON j.centre_id = p.centre_id AND j.journal_id = p.journal_id AND j.business_date = $2
  JOIN ledger_account a ON a.centre_id = p.centre_id AND a.account_id = p.account_id
 WHERE p.centre_id = $1
   AND p.business_date = $2
   AND p.subject = 201
   AND ((p.amount_fen > 0) = p.red) = $3
 ORDER BY p.journal_id, p.account_id, p.part
