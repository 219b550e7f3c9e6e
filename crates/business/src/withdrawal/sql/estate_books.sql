-- $1 centre, $2 who has died, $3 his account, $4 his subsidy's account, $5 the wish about this estate, $6 this case, $7 today
-- What the heirs' case reads beside own_books.sql of the one who has died: the holds that a death signal laid, which are no court's, and what else
-- is known of the estate.
WITH signalled AS MATERIALIZED (
    SELECT h.account_id, h.amount_fen
      FROM batch_signal s
      JOIN account_hold h ON h.centre_id = s.centre_id AND h.hold_id = ANY (s.holds) AND h.released_at IS NULL
     WHERE s.centre_id = $1 AND s.owner_id = $2 AND s.flow = 'deaths' AND s.state IN (1, 2))
SELECT (SELECT coalesce(sum(amount_fen), 0)::bigint FROM signalled WHERE account_id = $3) AS signal_fen,
       (SELECT coalesce(sum(amount_fen), 0)::bigint FROM signalled WHERE account_id = $4) AS subsidy_signal_fen,
       (SELECT min(case_id)
          FROM business_case
         WHERE centre_id = $1 AND service = 'withdraw-death' AND state < 6 AND wish = $5
           AND case_id < coalesce($6, 9223372036854775807)) AS live_case,
       (SELECT max(coalesce(until, $7::date))
          FROM estate_notice
         WHERE centre_id = $1 AND person_id = $2 AND kind = 1 AND state IN (2, 3) AND coalesce(until, $7::date) >= $7) AS disputed_until,
       EXISTS (SELECT FROM estate_notice WHERE centre_id = $1 AND person_id = $2 AND kind = 2 AND state IN (2, 3)) AS unclaimed
