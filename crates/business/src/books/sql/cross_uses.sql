-- What a claim has used of its event is the amount of its case while that pays or has paid, and is released only where the money came back.
WITH back AS (
    SELECT case_id
      FROM journal
     WHERE centre_id = $1
       AND event IN (23, 27)
       AND case_id IS NOT NULL
     UNION
    SELECT case_id
      FROM case_event
     WHERE centre_id = $1
       AND 'recovered' = ANY (steps)
),
used AS (
    SELECT u.case_id, u.amount_fen, u.state, c.amount_fen AS case_fen, c.state AS case_state, b.case_id IS NOT NULL AS is_back
      FROM withdrawal_use u
      LEFT JOIN business_case c ON c.centre_id = $1
                               AND c.case_id = u.case_id
      LEFT JOIN back b ON b.case_id = u.case_id
     WHERE u.centre_id = $1
)
SELECT case_id,
       CASE WHEN case_state IS NULL THEN '台账里有，办件没有了'
            WHEN amount_fen IS DISTINCT FROM case_fen THEN format('台账记 %s 分，办件 %s 分', amount_fen, case_fen)
            ELSE format('台账状态是 %s（1 待付、2 已付、3 已释放），办件状态是 %s，钱%s退回过', state, case_state,
                        CASE WHEN is_back THEN '' ELSE '没有' END) END
  FROM used
 WHERE case_state IS NULL
    OR case_state IN (5, 6) AND amount_fen IS DISTINCT FROM case_fen
    OR case_state IN (5, 6) AND state = 3 AND NOT is_back
    OR case_state = 6 AND state = 1
 ORDER BY case_id
 LIMIT 1000
