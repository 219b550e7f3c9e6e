-- A share of an estate is the sum of its legs; a leg that has left its account is what its E21 took there; and what the shares of a case are on
-- their way, paid and come back is what its journals have left in 21904, paid by a bank and left in 21905. A share without legs is an estate of the
-- centre's own income, which E38 took whole. There are as many as the step that closed the accounts says, so that none was put in or left out.
WITH share AS (
    SELECT share_id, case_id, place, amount_fen, state, returned, legs, legs = '[]' AND amount_fen > 0 AS is_income
      FROM case_share
     WHERE centre_id = $1
),
told AS (
    SELECT case_id, max((detail ->> 'payees')::bigint) AS shares
      FROM case_event
     WHERE centre_id = $1
       AND 'account_closed' = ANY (steps)
       AND detail ? 'payees'
     GROUP BY case_id
),
leg AS (
    SELECT s.share_id, s.case_id, s.place, s.state, (l.leg ->> 'account')::bigint AS account_id, (l.leg ->> 'fen')::bigint AS fen,
           (l.leg #>> '{journal,0}')::bigint AS journal_id
      FROM share s
     CROSS JOIN LATERAL jsonb_array_elements(s.legs) AS l (leg)
),
moved AS (
    SELECT j.case_id, j.journal_id, j.event, p.subject, p.account_id, p.amount_fen
      FROM journal j
      JOIN posting p ON p.centre_id = j.centre_id
                    AND p.journal_id = j.journal_id
                    AND p.business_date = j.business_date
     WHERE j.centre_id = $1
       AND j.case_id IN (SELECT case_id FROM share UNION SELECT case_id FROM told)
       AND j.event IN (21, 22, 23, 25, 26, 38)
),
booked AS (
    SELECT case_id, -coalesce(sum(amount_fen) FILTER (WHERE subject = 21904), 0) AS under_way_fen,
           -coalesce(sum(amount_fen) FILTER (WHERE subject = 10101 AND event <> 38), 0) AS paid_fen,
           -coalesce(sum(amount_fen) FILTER (WHERE subject = 21905), 0) AS back_fen,
           coalesce(sum(amount_fen) FILTER (WHERE subject = 201 AND event = 38), 0) AS income_fen
      FROM moved
     GROUP BY case_id
),
shared AS (
    SELECT case_id, count(*) AS shares,
           coalesce(sum(amount_fen) FILTER (WHERE state IN (1, 2) AND NOT returned AND NOT is_income), 0) AS under_way_fen,
           -- The cash of the centre's own income is moved by E38; what comes back of it, and goes again, is moved like any other.
           coalesce(sum(CASE WHEN is_income THEN 0 ELSE amount_fen END) FILTER (WHERE state = 3), 0)
               - coalesce(sum(amount_fen) FILTER (WHERE is_income AND returned AND state <> 3), 0) AS paid_fen,
           coalesce(sum(amount_fen) FILTER (WHERE returned AND state <> 3), 0) AS back_fen,
           coalesce(sum(amount_fen) FILTER (WHERE is_income), 0) AS income_fen
      FROM share
     GROUP BY case_id
),
one AS (
    SELECT coalesce(s.case_id, t.case_id) AS case_id, coalesce(s.shares, 0) AS shares, t.shares AS told_shares,
           ARRAY[coalesce(s.under_way_fen, 0), coalesce(s.paid_fen, 0), coalesce(s.back_fen, 0), coalesce(s.income_fen, 0)] AS stands,
           ARRAY[coalesce(b.under_way_fen, 0), coalesce(b.paid_fen, 0), coalesce(b.back_fen, 0), coalesce(b.income_fen, 0)] AS booked
      FROM shared s
      FULL JOIN told t ON t.case_id = s.case_id
      LEFT JOIN booked b ON b.case_id = coalesce(s.case_id, t.case_id)
),
found AS (
    SELECT case_id, 0 AS place, format('付款 %s 份，销户那一步说是 %s 份', shares, told_shares) AS detail
      FROM one
     WHERE shares <> told_shares
     UNION ALL
    SELECT case_id, 0, format('各份在途 %s 分、已付 %s 分、退回待付 %s 分、转收益 %s 分，凭证是 %s 分、%s 分、%s 分、%s 分', stands[1], stands[2], stands[3],
                              stands[4], booked[1], booked[2], booked[3], booked[4])
      FROM one
     WHERE stands <> booked
     UNION ALL
    SELECT s.case_id, s.place, format('第 %s 份 %s 分，从各账户取出的合计 %s 分', s.place, s.amount_fen, coalesce(l.fen, 0))
      FROM share s
      LEFT JOIN (SELECT share_id, sum(fen) AS fen FROM leg GROUP BY share_id) AS l ON l.share_id = s.share_id
     WHERE NOT s.is_income
       AND s.amount_fen <> coalesce(l.fen, 0)
     UNION ALL
    -- A share that was refused is back on its account, and its legs say how much of it waits there.
    SELECT l.case_id, l.place, format('第 %s 份从账户取 %s 分，凭证取出的是 %s 分', l.place, l.fen, coalesce(t.fen, 0))
      FROM leg l
      LEFT JOIN (SELECT journal_id, case_id, account_id, sum(amount_fen) AS fen
                   FROM moved
                  WHERE event = 21
                    AND subject = 201
                  GROUP BY journal_id, case_id, account_id) AS t ON t.journal_id = l.journal_id
                                                                AND t.case_id = l.case_id
                                                                AND t.account_id = l.account_id
     WHERE l.state <> 4
       AND l.fen <> coalesce(t.fen, 0)
)
SELECT case_id, detail
  FROM found
 ORDER BY case_id, place
 LIMIT 1000
