-- $1 centre, $2 person, $3 this case, $4 today, $5 the amount of a freeze of the whole account, $6 back payments count for
-- continuity (BACK-03; what was deferred or ordered always does), $7 months that are deferred count before they are made up, $8 months
-- contributed at another centre count too (REMOTE)
-- The person's cases are read by the person alone: a plan made while few cases are open would walk all open cases of the centre.
WITH member AS MATERIALIZED (
    SELECT m.membership_id, m.person_id, m.employer_id, e.name AS employer_name, e.branch_id, e.bank, e.district, m.account_id, m.state,
           m.base_fen, m.ratio_employer_bp, m.ratio_employee_bp, m.employer_fen, m.employee_fen, m.from_month, m.sealed_on, m.opened_on
      FROM membership m
      JOIN employer e USING (centre_id, employer_id)
     WHERE m.centre_id = $1 AND m.person_id = $2 AND m.state <> 9
     ORDER BY m.state, m.membership_id DESC
     LIMIT 1),
mine AS MATERIALIZED (
    SELECT case_id, state, service, wish FROM business_case WHERE centre_id = $1 AND applicant_id = $2)
SELECT who.person_id, who.id_sealed, who.name_sealed, who.phone_sealed, who.phone_changed_at, who.card_sealed, who.card_bank,
       who.card_checked_on,
       (SELECT to_jsonb(member) FROM member) AS membership,
       (SELECT jsonb_build_object('account_id', a.account_id, 'balance_fen', a.balance_fen, 'frozen_fen', a.frozen_fen,
                                  'reserved_fen', a.reserved_fen, 'product_date', a.product_date, 'settled_on', a.settled_on,
                                  'version', a.version, 'state', a.state, 'whole_freeze', a.frozen_fen >= $5)
          FROM ledger_account a
         WHERE a.centre_id = $1 AND a.account_id = (SELECT account_id FROM member)) AS account,
       (SELECT d.open_date FROM business_day d WHERE d.centre_id = $1) AS open_date,
       (SELECT coalesce(array_agg(covered.month ORDER BY covered.month DESC), '{}')
          FROM ((SELECT paid.month
                  FROM (SELECT l.month, l.employer_fen + l.employee_fen AS fen
                          FROM remittance_line l
                          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                           AND (r.kind IN (1, 3) OR $6 OR r.reason IN ('DEFERRED', 'ENFORCED'))
                         WHERE l.centre_id = $1 AND l.account_id = (SELECT account_id FROM member)
                         UNION ALL
                        SELECT c.month, c.employer_fen + c.employee_fen
                          FROM contribution_change c
                         WHERE c.centre_id = $1 AND c.account_id = (SELECT account_id FROM member)) AS paid
                 GROUP BY paid.month
                HAVING sum(paid.fen) > 0
                 ORDER BY paid.month DESC
                 LIMIT 60)
                UNION
                SELECT d.month
                  FROM deferred_month d
                  JOIN arrangement a ON a.centre_id = d.centre_id AND a.arrangement_id = d.arrangement_id AND a.state <> 4
                 WHERE $7 AND d.centre_id = $1 AND d.account_id = (SELECT account_id FROM member)
                UNION
                SELECT r.month FROM remote_month r WHERE $8 AND r.centre_id = $1 AND r.person_id = $2) AS covered) AS months,
       (SELECT l.month
          FROM remittance_line l
          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
         WHERE l.centre_id = $1 AND l.account_id = (SELECT account_id FROM member)
         ORDER BY l.month
         LIMIT 1) AS first_month,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('service', service, 'case_id', case_id)), '[]')
          FROM mine
         WHERE state < 6 AND wish NOT LIKE '%#returned' AND case_id IS DISTINCT FROM $3) AS live,
       (SELECT count(*)
          FROM mine
         WHERE state = 5 AND wish NOT LIKE '%#returned' AND case_id IS DISTINCT FROM $3) AS paying,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'used_on', u.used_on)), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.person_id = $2 AND u.state IN (1, 2)) AS uses,
       (SELECT max(b.to_date)
          FROM blacklist b
         WHERE b.centre_id = $1 AND b.person_id = $2 AND $4 BETWEEN b.from_date AND b.to_date) AS listed_until,
       EXISTS (SELECT
          FROM document c
         WHERE c.centre_id = $1 AND c.subject_id = $2 AND c.kind = 'doc-remote-loan-certificate' AND c.revoked_at IS NULL
           AND c.replaced_by IS NULL AND c.valid_until >= $4) AS remote_mark,
       EXISTS (SELECT
          FROM transfer_letter t
         WHERE t.centre_id = $1 AND t.person_id = $2 AND t.side = 2 AND t.ended_at IS NULL
           AND t.letter_id IS DISTINCT FROM $3) AS transferring_out
  FROM person who
 WHERE who.centre_id = $1 AND who.person_id = $2
