-- Arrears leave out what an approved deferral leaves out (contribution.md §10, §15): 0080 came before deferrals were known to it.
CREATE OR REPLACE FUNCTION month_deferred(p_centre smallint, p_employer bigint, p_month integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM employer e
                    WHERE e.centre_id = p_centre AND e.employer_id = p_employer
                      AND p_month BETWEEN e.deferred_from AND e.deferred_through)
$$;
