-- The application's role and the one sequence of ids.
--
-- Who migrates owns everything; who serves does it as anju_app, which may read money tables and write them only
-- through the functions of 0002. Without the right to create roles the owner serves as itself: the functions stay
-- the same, only the second lock is missing.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
        CREATE ROLE anju_app NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'anju_app', 'MEMBER') THEN
        EXECUTE format('GRANT anju_app TO %I', current_user);
    END IF;
EXCEPTION
    -- Roles belong to the whole cluster: another database may be migrating at this moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'no right to create or grant the role anju_app: the owner serves as itself';
END $$;

-- Drawn in blocks: nextval gives n, and n .. n + 999 belong to the one who drew it. Below it stand the accounts that
-- are named by their subject's code.
CREATE SEQUENCE anju_id START 1000000 INCREMENT 1000;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
        GRANT USAGE ON SCHEMA public TO anju_app;
        GRANT USAGE ON SEQUENCE anju_id TO anju_app;
    END IF;
END $$;
