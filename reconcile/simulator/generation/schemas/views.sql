-- e-mail addresses in a table of their own; a view with an INSTEAD OF trigger gives leads in one row.
CREATE EXTENSION IF NOT EXISTS citext;
CREATE DOMAIN zone_name AS text CHECK (value ~ '^[A-Za-z_]+(/[A-Za-z_]+)*$');
CREATE TABLE workspace_account (
    id text PRIMARY KEY,
    name text NOT NULL,
    timezone zone_name,
    ghl_location_id text,
    ghl_token text,
    calendly_user text,
    calendly_token text
);
CREATE TABLE email_address (id bigint PRIMARY KEY, address citext NOT NULL UNIQUE);
CREATE TABLE person (
    id bigint PRIMARY KEY,
    workspace_account_id text NOT NULL REFERENCES workspace_account,
    email_address_id bigint NOT NULL REFERENCES email_address,
    ghl_contact_id text,
    status citext NOT NULL DEFAULT 'new',
    booking_id text,
    booking_provider text,
    booking_status citext,
    booking_starts_at timestamptz,
    booking_ends_at timestamptz,
    in_sequence boolean NOT NULL DEFAULT false,
    last_inbound_at timestamptz
);
CREATE INDEX ON person (workspace_account_id);
CREATE VIEW lead_view AS
SELECT p.id, p.workspace_account_id, e.address AS email, p.ghl_contact_id, p.status, p.booking_id,
    p.booking_provider, p.booking_status, p.booking_starts_at, p.booking_ends_at, p.in_sequence, p.last_inbound_at
FROM person p JOIN email_address e ON e.id = p.email_address_id;
CREATE FUNCTION write_lead_view() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE person SET ghl_contact_id = NEW.ghl_contact_id, status = NEW.status, booking_id = NEW.booking_id,
        booking_provider = NEW.booking_provider, booking_status = NEW.booking_status,
        booking_starts_at = NEW.booking_starts_at, booking_ends_at = NEW.booking_ends_at
    WHERE id = OLD.id;
    RETURN NEW;
END $$;
CREATE TRIGGER write_lead_view INSTEAD OF UPDATE ON lead_view FOR EACH ROW EXECUTE FUNCTION write_lead_view();

-- fill
INSERT INTO workspace_account SELECT id, name, timezone, ghl_location_id, ghl_token, calendly_user, calendly_token
FROM simulated_workspace;
INSERT INTO email_address SELECT n, email FROM simulated_lead;
INSERT INTO person
SELECT n, workspace_id, n, contact_id, initcap(status), booking_id, booking_provider, booking_status,
    booking_starts_at, booking_ends_at, in_sequence, last_inbound_at FROM simulated_lead;
