-- $1 centre, $2 person, $3 account, $4 service, $5 this case, $6 today, $7 blind indexes of the spouse's ID number, $8 event key,
-- $9 the amount of a freeze of the whole account
SELECT (SELECT jsonb_build_object('account_id', a.account_id, 'balance_fen', a.balance_fen, 'frozen_fen', a.frozen_fen,
                                  'reserved_fen', a.reserved_fen, 'product_date', a.product_date, 'settled_on', a.settled_on,
                                  'version', a.version, 'state', a.state, 'whole_freeze', a.frozen_fen >= $9)
          FROM ledger_account a
         WHERE a.centre_id = $1 AND a.account_id = $3) AS account,
       (SELECT d.open_date FROM business_day d WHERE d.centre_id = $1) AS open_date,
       (SELECT coalesce(array_agg(paid.month ORDER BY paid.month DESC), '{}')
          FROM (SELECT DISTINCT l.month
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                 WHERE l.centre_id = $1 AND l.account_id = $3
                 ORDER BY l.month DESC
                 LIMIT 60) AS paid) AS months,
       (SELECT min(l.month)
          FROM remittance_line l
          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
         WHERE l.centre_id = $1 AND l.account_id = $3) AS first_month,
       (SELECT coalesce(array_agg(c.case_id), '{}')
          FROM business_case c
         WHERE c.centre_id = $1 AND c.applicant_id = $2 AND c.state < 6 AND c.service = $4 AND c.wish NOT LIKE '%#returned'
           AND c.case_id IS DISTINCT FROM $5) AS live,
       (SELECT count(*)
          FROM business_case c
         WHERE c.centre_id = $1 AND c.applicant_id = $2 AND c.state = 5 AND c.wish NOT LIKE '%#returned'
           AND c.case_id IS DISTINCT FROM $5) AS paying,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'amounts', u.amounts, 'used_on', u.used_on)), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.person_id = $2 AND u.state IN (1, 2)) AS uses,
       (SELECT max(b.to_date)
          FROM blacklist b
         WHERE b.centre_id = $1 AND b.person_id = $2 AND $6 BETWEEN b.from_date AND b.to_date) AS listed_until,
       (SELECT p.person_id FROM person p WHERE p.centre_id = $1 AND p.id_index = ANY ($7)) AS spouse_id,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'amounts', u.amounts, 'used_on', u.used_on)), '[]')
          FROM withdrawal_use u
          JOIN person p ON p.centre_id = u.centre_id AND p.person_id = u.person_id
         WHERE u.centre_id = $1 AND p.id_index = ANY ($7) AND u.state IN (1, 2)) AS spouse_uses,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'amounts', u.amounts, 'used_on', u.used_on)), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.event_key = $8 AND u.person_id <> $2 AND u.state IN (1, 2)) AS lease_uses,
       (SELECT e.version FROM withdrawal_event e WHERE e.centre_id = $1 AND e.event_key = $8) AS lease_version
