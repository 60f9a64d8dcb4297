-- check size: a package has as many bytes as its pieces
-- advice: delete the version (elvesctl app unpush APP@VERSION) and push it again
SELECT 'package ' || id || ' has ' || size || ' bytes, and its pieces have ' || found
FROM (SELECT id, size, coalesce((SELECT sum(length(bytes)) FROM app_piece WHERE package = app_package.id), 0) AS found
    FROM app_package WHERE complete = 1) WHERE size <> found;

-- check package: a version has a package
-- advice: delete the version (elvesctl app unpush APP@VERSION) and push it again
SELECT 'version ' || version || ' of app ' || app || ' has no package' FROM app_version
WHERE NOT EXISTS (SELECT 1 FROM app_package WHERE id = app_version.package AND complete = 1);

-- check assigned: an assigned version was pushed
-- advice: elvesctl app unassign ID, and assign a version that is there
SELECT 'assignment ' || id || ' is of version ' || version || ' of app ' || app || ', which is not there' FROM app_assignment
WHERE NOT EXISTS (SELECT 1 FROM app_version WHERE app = app_assignment.app AND version = app_assignment.version);

-- report versions: versions of apps
SELECT count(*) || ' of ' || count(DISTINCT app) || ' apps' FROM app_version;
