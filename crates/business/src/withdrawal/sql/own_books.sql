-- $1 centre, $2 people, $3 the case that each asks about, $4 today, $5 the amount of a freeze of the whole account,
-- $6 back payments count for continuity (BACK-03; what was deferred or ordered always does), $7 months that are deferred count before they
-- are made up, $8 months contributed at another centre count too (REMOTE). One row for each who is known, with his place among those asked for.
-- $9 since when sharing a device or card counts, $10 and $11 the place of whom a card of a form belongs to, and its keyed index (FR-06; the
-- counts end at 100)
-- Only a withdrawal pays (CMN-05): a complaint, a certificate, an agreement or money that is asked back holds no other withdrawal up.
-- A person's cases are read by the person alone: a plan made while few cases are open would walk all open cases of the centre.
SELECT asked.place, who.person_id, who.id_sealed, who.name_sealed, who.phone_sealed, who.phone_changed_at, who.card_sealed, who.card_bank,
       who.card_checked_on, to_jsonb(member) AS membership,
       (SELECT jsonb_build_object('account_id', a.account_id, 'balance_fen', a.balance_fen, 'frozen_fen', a.frozen_fen,
                                  'reserved_fen', a.reserved_fen, 'product_date', a.product_date, 'settled_on', a.settled_on,
                                  'version', a.version, 'state', a.state, 'whole_freeze', a.frozen_fen >= $5)
          FROM ledger_account a
         WHERE a.centre_id = $1 AND a.account_id = member.account_id) AS account,
       (SELECT jsonb_build_object('account_id', a.account_id, 'balance_fen', a.balance_fen, 'frozen_fen', a.frozen_fen,
                                  'reserved_fen', a.reserved_fen, 'product_date', a.product_date, 'settled_on', a.settled_on,
                                  'version', a.version, 'state', a.state, 'whole_freeze', a.frozen_fen >= $5)
          FROM subsidy_member s
          JOIN ledger_account a ON a.centre_id = s.centre_id AND a.account_id = s.account_id AND a.state <> 3
         WHERE s.centre_id = $1 AND s.person_id = asked.person_id AND s.closed_on IS NULL) AS subsidy,
       (SELECT d.open_date FROM business_day d WHERE d.centre_id = $1) AS open_date,
       (SELECT coalesce(array_agg(covered.month ORDER BY covered.month DESC), '{}')
          FROM ((SELECT paid.month
                  FROM (SELECT l.month, l.employer_fen + l.employee_fen AS fen
                          FROM remittance_line l
                          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                           AND (r.kind IN (1, 3) OR $6 OR r.reason IN ('DEFERRED', 'ENFORCED', 'MERGED'))
                         WHERE l.centre_id = $1 AND l.account_id = member.account_id
                         UNION ALL
                        SELECT c.month, c.employer_fen + c.employee_fen
                          FROM contribution_change c
                         WHERE c.centre_id = $1 AND c.account_id = member.account_id) AS paid
                 GROUP BY paid.month
                HAVING sum(paid.fen) > 0
                 ORDER BY paid.month DESC
                 LIMIT 60)
                UNION
                SELECT d.month
                  FROM deferred_month d
                  JOIN arrangement a ON a.centre_id = d.centre_id AND a.arrangement_id = d.arrangement_id AND a.state <> 4
                 WHERE $7 AND d.centre_id = $1 AND d.account_id = member.account_id
                UNION
                SELECT r.month FROM remote_month r WHERE $8 AND r.centre_id = $1 AND r.person_id = asked.person_id) AS covered) AS months,
       (SELECT l.month
          FROM remittance_line l
          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
         WHERE l.centre_id = $1 AND l.account_id = member.account_id
         ORDER BY l.month
         LIMIT 1) AS first_month,
       cases.live,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'months', u.months, 'used_on', u.used_on)), '[]')
          FROM withdrawal_use u
         WHERE u.centre_id = $1 AND u.person_id = asked.person_id AND u.state IN (1, 2)) AS uses,
       (SELECT max(b.to_date)
          FROM blacklist b
         WHERE b.centre_id = $1 AND b.person_id = asked.person_id AND $4 BETWEEN b.from_date AND b.to_date) AS listed_until,
       EXISTS (SELECT
          FROM document c
         WHERE c.centre_id = $1 AND c.subject_id = asked.person_id AND c.kind = 'doc-remote-loan-certificate' AND c.revoked_at IS NULL
           AND c.replaced_by IS NULL AND c.valid_until >= $4) AS remote_mark,
       EXISTS (SELECT
          FROM transfer_letter t
         WHERE t.centre_id = $1 AND t.person_id = asked.person_id AND t.side = 2 AND t.ended_at IS NULL
           AND t.letter_id IS DISTINCT FROM asked.case_id) AS transferring_out,
       (SELECT coalesce(max(shared.others), 0) + 1
          FROM (SELECT count(DISTINCT o.subject_id) AS others
                  FROM (SELECT DISTINCT s.device_index
                          FROM session s
                         WHERE s.centre_id = $1 AND s.audience = 1 AND s.subject_id = asked.person_id AND s.created_at > $9) AS mine
                  JOIN LATERAL (SELECT o.subject_id
                                  FROM session o
                                 WHERE o.centre_id = $1 AND o.device_index = mine.device_index AND o.created_at > $9
                                   AND o.audience = 1 AND o.subject_id <> asked.person_id
                                 LIMIT 1000) AS o ON true
                 GROUP BY mine.device_index) AS shared) AS device_people,
       (SELECT coalesce(max(shared.others), 0) + 1
          FROM (SELECT count(DISTINCT o.subject_id) AS others
                  FROM (SELECT DISTINCT s.address_index
                          FROM session s
                         WHERE s.centre_id = $1 AND s.audience = 1 AND s.subject_id = asked.person_id AND s.created_at > $9
                           AND s.address_index IS NOT NULL) AS mine
                  JOIN LATERAL (SELECT o.subject_id
                                  FROM session o
                                 WHERE o.centre_id = $1 AND o.address_index = mine.address_index AND o.created_at > $9
                                   AND o.audience = 1 AND o.subject_id <> asked.person_id
                                 LIMIT 1000) AS o ON true
                 GROUP BY mine.address_index) AS shared) AS address_people,
       (SELECT count(DISTINCT c.applicant_id) + 1
          FROM unnest($10::bigint[], $11::text[]) AS card (place, index)
          JOIN LATERAL (SELECT c.applicant_id
                          FROM business_case c
                         WHERE c.centre_id = $1 AND c.form #>> '{card_no,index}' = card.index AND c.submitted_at > $9
                           AND c.applicant_id <> asked.person_id
                         LIMIT 1000) AS c ON true
         WHERE card.place = asked.place) AS card_people,
       (SELECT count(*) + 1
          FROM (SELECT FROM person p
                 WHERE p.centre_id = $1 AND p.phone_index = who.phone_index AND p.person_id <> asked.person_id AND p.merged_into IS NULL
                 LIMIT 100) AS p) AS phone_people
  FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS asked (person_id, case_id, place)
  JOIN person who ON who.centre_id = $1 AND who.person_id = asked.person_id
  LEFT JOIN LATERAL (
       SELECT m.membership_id, m.person_id, m.employer_id, e.name AS employer_name, e.branch_id, e.bank, e.district, m.account_id, m.state,
              m.base_fen, m.ratio_employer_bp, m.ratio_employee_bp, m.employer_fen, m.employee_fen, m.from_month, m.sealed_on, m.opened_on
         FROM membership m
         JOIN employer e USING (centre_id, employer_id)
        WHERE m.centre_id = $1 AND m.person_id = asked.person_id AND m.state <> 9
        ORDER BY m.state, m.membership_id DESC
        LIMIT 1) AS member ON true
 CROSS JOIN LATERAL (
       SELECT coalesce(jsonb_agg(jsonb_build_object('service', mine.service, 'case_id', mine.case_id,
                                                    'paying', mine.state = 5 AND mine.service LIKE 'withdraw-%'
                                                              AND mine.service <> 'withdraw-recovery'
                                                              AND mine.service NOT LIKE 'withdraw-sign-%'))
                         FILTER (WHERE mine.state < 6), '[]') AS live
         FROM business_case mine
        WHERE mine.centre_id = $1 AND mine.applicant_id = asked.person_id AND mine.wish NOT LIKE '%#returned'
          AND mine.case_id IS DISTINCT FROM asked.case_id) AS cases
