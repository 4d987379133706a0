-- Prisma: an id column for each provider, sequence and time zone in other tables, timestamp(3), text keys.
CREATE TYPE "LeadStatus" AS ENUM ('NEW', 'QUALIFIED', 'MEETING_BOOKED', 'CUSTOMER', 'LOST');
CREATE TYPE "AppointmentStatus" AS ENUM ('CONFIRMED', 'CANCELED', 'SHOWED', 'NO_SHOW');
CREATE TYPE "EnrollmentState" AS ENUM ('ACTIVE', 'PAUSED', 'DONE');
CREATE TABLE "Workspace" (
    "id" text PRIMARY KEY,
    "name" text NOT NULL,
    "ghlLocationId" text,
    "ghlAccessToken" text,
    "calendlyUserUri" text,
    "calendlyAccessToken" text,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "WorkspaceSettings" (
    "workspaceId" text PRIMARY KEY REFERENCES "Workspace" ("id"),
    "timezone" text NOT NULL
);
CREATE TABLE "Lead" (
    "id" text PRIMARY KEY,
    "workspaceId" text NOT NULL REFERENCES "Workspace" ("id"),
    "email" text,
    "name" text,
    "ghlContactId" text,
    "status" "LeadStatus" NOT NULL DEFAULT 'NEW',
    "statusChangedAt" timestamp(3),
    "ghlAppointmentId" text,
    "calendlyEventUri" text,
    "appointmentStatus" "AppointmentStatus",
    "appointmentStartTime" timestamp(3),
    "appointmentEndTime" timestamp(3),
    "appointmentCanceledAt" timestamp(3),
    "lastInboundAt" timestamp(3),
    "lastReconciledAt" timestamp(3),
    "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX ON "Lead" ("workspaceId");
CREATE TABLE "SequenceEnrollment" (
    "id" text PRIMARY KEY,
    "leadId" text NOT NULL REFERENCES "Lead" ("id"),
    "state" "EnrollmentState" NOT NULL
);
CREATE INDEX ON "SequenceEnrollment" ("leadId");
CREATE TABLE "Appointment" (
    "id" text PRIMARY KEY,
    "leadId" text NOT NULL REFERENCES "Lead" ("id"),
    "ghlAppointmentId" text UNIQUE,
    "calendlyEventUri" text UNIQUE,
    "status" "AppointmentStatus" NOT NULL,
    "startTime" timestamp(3) NOT NULL,
    "endTime" timestamp(3),
    "canceledAt" timestamp(3),
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL
);
CREATE INDEX ON "Appointment" ("leadId");

-- fill
INSERT INTO "Workspace" ("id", "name", "ghlLocationId", "ghlAccessToken", "calendlyUserUri", "calendlyAccessToken")
SELECT id, name, ghl_location_id, ghl_token, calendly_user, calendly_token FROM simulated_workspace;
INSERT INTO "WorkspaceSettings" SELECT id, timezone FROM simulated_workspace;
INSERT INTO "Lead" ("id", "workspaceId", "email", "name", "ghlContactId", "status", "ghlAppointmentId",
    "calendlyEventUri", "appointmentStatus", "appointmentStartTime", "appointmentEndTime", "lastInboundAt")
SELECT id, workspace_id, email, name, contact_id, upper(replace(status, '-', '_'))::"LeadStatus",
    CASE booking_provider WHEN 'ghl' THEN booking_id END, CASE booking_provider WHEN 'calendly' THEN booking_id END,
    upper(booking_status)::"AppointmentStatus", booking_starts_at AT TIME ZONE 'UTC',
    booking_ends_at AT TIME ZONE 'UTC', last_inbound_at AT TIME ZONE 'UTC' FROM simulated_lead;
INSERT INTO "SequenceEnrollment"
SELECT id || '-seq', id, (CASE WHEN in_sequence THEN 'ACTIVE' ELSE 'DONE' END)::"EnrollmentState" FROM simulated_lead;
INSERT INTO "Appointment" ("id", "leadId", "ghlAppointmentId", "calendlyEventUri", "status", "startTime", "endTime",
    "updatedAt")
SELECT "id" || '-app', "id", "ghlAppointmentId", "calendlyEventUri", "appointmentStatus", "appointmentStartTime",
    "appointmentEndTime", "updatedAt" FROM "Lead" WHERE "appointmentStatus" IS NOT NULL;
