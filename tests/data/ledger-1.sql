PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE exports (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL, username TEXT NOT NULL, profile TEXT NOT NULL, run_ids TEXT NOT NULL,
    intended TEXT NOT NULL, submitted TEXT, job_id TEXT, status TEXT, ended TEXT, upload_id TEXT,
    path TEXT, bytes INTEGER, sha256 TEXT, saved TEXT
);
INSERT INTO "exports" VALUES(1,'https://organization.example.com/context','administrator','prod','["vegcl1xm6u", "ir2qersuao"]','2026-11-22T03:00:07.000+00:00','2026-11-22T03:00:14.000+00:00','j0861f797-e646-4a9b-af92-f5e86b2cd824','COMPLETED','2026-11-22T03:00:21.000+00:00','f57951c9-37aa-4d4a-b444-9ad0316737d3','/srv/health/reports.zip',1234,'abababababababababababababababababababababababababababababababab','2026-11-22T03:00:28.000+00:00');
INSERT INTO "exports" VALUES(2,'https://organization.example.com/context','administrator','prod','["zfelr5o957"]','2026-11-22T03:00:35.000+00:00','2026-11-22T03:00:42.000+00:00','j14ef2bef-0c7c-454c-8f0f-40a17bc12150',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "exports" VALUES(3,'https://other.example.com','anna','','["prslejr7yt"]','2026-11-22T03:00:49.000+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX exports_by_job ON exports (job_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('exports',3);
COMMIT;
