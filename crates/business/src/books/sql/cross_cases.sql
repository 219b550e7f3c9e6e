-- A case whose last step names an end has ended so, and a withdrawal that has ended has such a step; what was decided is what a step of its
-- decision says, unless a reviewer came after it; and what a withdrawal has paid is what its journals have taken from accounts.
WITH last AS (
    SELECT DISTINCT ON (case_id) case_id, steps
      FROM case_event
     WHERE centre_id = $1
     ORDER BY case_id, seq DESC
),
ended AS (
    SELECT l.case_id, l.steps[cardinality(l.steps)] IN ('submitted', 'gathering', 'reviewing', 'executing') AS goes_on,
           (SELECT array_position(ARRAY['done', 'refused', 'withdrawn', 'failed'], s.step) + 5
              FROM unnest(l.steps) WITH ORDINALITY AS s (step, place)
             WHERE s.step IN ('done', 'refused', 'withdrawn', 'failed')
             ORDER BY s.place DESC
             LIMIT 1) AS state
      FROM last l
),
decided AS (
    SELECT case_id, array_agg(detail ->> 'outcome') FILTER (WHERE detail ->> 'outcome' IS NOT NULL AND 'decided' = ANY (steps)) AS outcomes,
           bool_or('reviewing' = ANY (steps)) AS reviewed
      FROM case_event
     WHERE centre_id = $1
     GROUP BY case_id
),
taken AS (
    SELECT j.case_id, sum(p.amount_fen) AS fen
      FROM journal j
      JOIN posting p ON p.centre_id = j.centre_id
                    AND p.journal_id = j.journal_id
                    AND p.business_date = j.business_date
     WHERE j.centre_id = $1
       AND j.event IN (21, 23, 27)
       AND p.subject = 201
     GROUP BY j.case_id
),
one AS (
    SELECT c.case_id, c.state, e.state AS ended_as, starts_with(c.service, 'withdraw-') AND c.service <> 'withdraw-recovery' AS withdraws,
           e.goes_on, c.decision ->> 'outcome' AS outcome, c.amount_fen,
           CASE WHEN NOT d.reviewed THEN d.outcomes END AS outcomes,
           CASE WHEN c.state = 6 AND c.pay_state = 3 AND starts_with(c.service, 'withdraw-') THEN coalesce(t.fen, 0) END AS taken_fen
      FROM business_case c
      LEFT JOIN ended e USING (case_id)
      LEFT JOIN decided d USING (case_id)
      LEFT JOIN taken t USING (case_id)
     WHERE c.centre_id = $1
),
judged AS (
    SELECT case_id, state, ended_as, outcome, outcomes, amount_fen, taken_fen,
           coalesce(state <> ended_as, false) OR coalesce(withdraws AND state > 5 AND goes_on, false) AS wrong_state,
           withdraws AND coalesce(outcome <> ALL (outcomes), false) AS wrong_outcome
      FROM one
)
SELECT case_id,
       CASE WHEN wrong_state THEN format('状态是 %s，最后一步说是 %s', state, coalesce(ended_as::text, '还没有办完'))
            WHEN wrong_outcome THEN format('存的决定是 %s，决定那一步说是 %s', outcome, array_to_string(outcomes, '、'))
            ELSE format('办件金额 %s 分，凭证从账户取出 %s 分', amount_fen, taken_fen) END
  FROM judged
 WHERE wrong_state
    OR wrong_outcome
    OR taken_fen <> amount_fen
 ORDER BY case_id
 LIMIT 1000
