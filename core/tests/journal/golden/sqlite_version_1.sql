PRAGMA application_id=1851880291;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE deletions (request_id TEXT PRIMARY KEY, experiment TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "deletions" VALUES('gone','deleted2');
CREATE TABLE events (
    experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, time REAL NOT NULL, elapsed_s REAL NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (experiment, seq)
) WITHOUT ROWID;
INSERT INTO "events" VALUES('oldoldol',1,'created','{"spec":{"name":"old","tuner":"random","settings":{},"objectives":[{"metric":"accuracy","direction":"maximize"}],"limits":{"max_trials":6},"seed":"3","space":"{\"nodes\":[{\"label\":\"op\",\"oneOf\":{\"candidates\":[{\"key\":\"conv3\"},{\"key\":\"conv5\"}]}},{\"integer\":{\"high\":\"64\",\"low\":\"8\"},\"label\":\"width\"}],\"specVersion\":1}"},"digest":"a071884efb4ea3fb689f176230288ec85e3cb42633f0fbb37a3378b62f95fec9","request_id":"create"}',1.79534069188596034048e+09,2.20673439998790854588e-02,996864633);
INSERT INTO "events" VALUES('oldoldol',2,'asked','{"proposal":{"number":0,"architecture":{"op":"conv3","width":8}},"seed":5212152035959997534,"told_through":0}',1.79534069191210699078e+09,4.82098539996513864025e-02,673363286);
INSERT INTO "events" VALUES('oldoldol',3,'leased','{"trial":0,"epoch":1,"attempt":1,"worker":"w","request_id":"lease-0"}',1.79534069191221737861e+09,4.83178949998546158894e-02,2844328339);
INSERT INTO "events" VALUES('oldoldol',4,'finished','{"trial":0,"epoch":1,"outcome":{"status":"completed","duration_s":0.0073089599609375,"metrics":{"accuracy":0.0}},"checkpoint":"","request_id":"finish-0"}',1.7953406919195904731e+09,5.56939560010505374521e-02,2713944376);
INSERT INTO "events" VALUES('oldoldol',5,'asked','{"proposal":{"number":1,"architecture":{"op":"conv5","width":14}},"seed":5432715957596341084,"told_through":4}',1.79534069192481946942e+09,6.09187210011441493406e-02,936122216);
INSERT INTO "events" VALUES('oldoldol',6,'leased','{"trial":1,"epoch":1,"attempt":1,"worker":"w","request_id":"lease-1"}',1.79534069192490196233e+09,6.09996720013441517949e-02,1654187307);
INSERT INTO "events" VALUES('oldoldol',7,'finished','{"trial":1,"epoch":1,"outcome":{"status":"completed","duration_s":0.005583524703979492,"metrics":{"accuracy":0.25}},"checkpoint":"","request_id":"finish-1"}',1.79534069193053483961e+09,0.0666343360026076,4180516460);
INSERT INTO "events" VALUES('oldoldol',8,'asked','{"proposal":{"number":2,"architecture":{"op":"conv5","width":64}},"seed":15900231154950467743,"told_through":7}',1.79534069193657851212e+09,7.26761440018890425562e-02,42464863);
INSERT INTO "events" VALUES('oldoldol',9,'leased','{"trial":2,"epoch":1,"attempt":1,"worker":"w","request_id":"lease-2"}',1.79534069193667554856e+09,7.27715760021965252235e-02,3839610530);
INSERT INTO "events" VALUES('oldoldol',10,'finished','{"trial":2,"epoch":1,"outcome":{"status":"completed","duration_s":0.001837015151977539,"metrics":{"accuracy":0.5}},"checkpoint":"","request_id":"finish-2"}',1.79534069193856501579e+09,7.46617650020198198035e-02,3342429467);
INSERT INTO "events" VALUES('oldoldol',11,'asked','{"proposal":{"number":3,"architecture":{"op":"conv5","width":39}},"seed":4090616373921407234,"told_through":10}',1.79534069194238328935e+09,7.84784860024956287816e-02,2402948643);
INSERT INTO "events" VALUES('oldoldol',12,'leased','{"trial":3,"epoch":1,"attempt":1,"worker":"w","request_id":"lease-3"}',1.7953406919424498081e+09,7.85443240019958466291e-02,801778202);
CREATE TABLE experiments (id TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "experiments" VALUES('oldoldol',1);
CREATE TABLE snapshots (
    experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, asked INTEGER NOT NULL, told_through INTEGER NOT NULL,
    state BLOB NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (experiment, place)
);
INSERT INTO "snapshots" VALUES('oldoldol',1,2,3,X'61207374617465',X'1B1C710D2A8092F41088D53FD665C74EC0048EE40C6411264CE927B450785C2A');
CREATE TABLE writer (only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL);
INSERT INTO "writer" VALUES(1,2);
COMMIT;
