-- $1 centre, $2 person, $3 blind indexes of the spouse's ID number, $4 event key
-- The spouse is found first and alone: joined to what was used, a plan made while few withdrawals are kept would walk all of them.
WITH spouse AS MATERIALIZED (
    SELECT person_id FROM person WHERE centre_id = $1 AND id_index = ANY ($3) LIMIT 1)
SELECT (SELECT person_id FROM spouse) AS spouse_id,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'used_on', u.used_on)), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.person_id = (SELECT person_id FROM spouse) AND u.state IN (1, 2)) AS spouse_uses,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'amounts', u.amounts, 'amount_fen', u.amount_fen,
                                                     'used_on', u.used_on, 'mine', u.person_id = $2,
                                                     'family', u.person_id = $2 OR u.person_id IS NOT DISTINCT FROM (SELECT person_id FROM spouse))
                                  ORDER BY u.used_on, u.case_id), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.event_key = $4 AND u.state IN (1, 2)) AS event_uses,
       (SELECT e.version FROM withdrawal_event e WHERE e.centre_id = $1 AND e.event_key = $4) AS event_version,
       EXISTS (SELECT FROM repay_agreement r
                WHERE r.centre_id = $1 AND r.person_id = $2 AND r.event_key = $4 AND r.state <> 9) AS agreement
