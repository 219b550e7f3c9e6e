-- $1 centre, $2 people, $3 and $4 the place of whom a blind index of a spouse's ID number belongs to, and the index, $5 event keys
-- One row for each place. The spouse is found first and alone: joined to what was used, a plan made while few withdrawals are kept would
-- walk all of them.
WITH spouse AS MATERIALIZED (
    SELECT DISTINCT ON (named.place) named.place, p.person_id
      FROM unnest($3::bigint[], $4::bytea[]) AS named (place, id_index)
      JOIN person p ON p.centre_id = $1 AND p.id_index = named.id_index
     ORDER BY named.place)
SELECT asked.place, spouse.person_id AS spouse_id,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'used_on', u.used_on)), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.person_id = spouse.person_id AND u.state IN (1, 2)) AS spouse_uses,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'amounts', u.amounts, 'amount_fen', u.amount_fen,
                                                     'used_on', u.used_on, 'mine', u.person_id = asked.person_id,
                                                     'family', u.person_id = asked.person_id OR u.person_id IS NOT DISTINCT FROM spouse.person_id)
                                  ORDER BY u.used_on, u.case_id), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.event_key = asked.event_key AND u.state IN (1, 2)) AS event_uses,
       (SELECT e.version FROM withdrawal_event e WHERE e.centre_id = $1 AND e.event_key = asked.event_key) AS event_version,
       EXISTS (SELECT FROM repay_agreement r
                WHERE r.centre_id = $1 AND r.person_id = asked.person_id AND r.event_key = asked.event_key AND r.state <> 9) AS agreement
  FROM unnest($2::bigint[], $5::text[]) WITH ORDINALITY AS asked (person_id, event_key, place)
  LEFT JOIN spouse ON spouse.place = asked.place
