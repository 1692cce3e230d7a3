// Every component, with maps, enums, nested arguments, and outputs of one as inputs of another. The table is of another stack.
import * as pulumi from "@pulumi/pulumi";
import * as eda from "@eda/aws-eda";

const config = new pulumi.Config();
const tableName = config.require("tableName");
const tableArn = config.require("tableArn");
const streamArn = config.require("streamArn");
const quicksight = "arn:aws:quicksight:eu-central-1:000000000000";
const ownerArns = [`${quicksight}:user/default/analyst`];
const vpcConnectionArn = `${quicksight}:vpcConnection/private`;
const tags = { team: "languages", stage: "test", "cost-centre": "17", application: "every-component" };

const key = new eda.EncryptionKey("key", {
    services: [eda.KeyService.LOGS, eda.KeyService.EVENTS, eda.KeyService.ALARMS],
    deletionWindowInDays: 7,
    tags,
});
const alarms = new eda.AlarmTopic("alarms", { emailAddresses: ["on-call@example.com"], kmsKeyArn: key.arn, tags });
const payloads = new eda.PayloadStore("payloads", { kmsKeyArn: key.arn, expirationDays: 7, tags });
const cache = new eda.ConsumerCache("cache", {
    hot: { timeToLiveInSeconds: 60, leaseInSeconds: 10 },
    kmsKeyArn: key.arn,
    tags,
});
const worker = new eda.IdempotentLambda("worker", {
    code: new pulumi.asset.FileArchive("./code"),
    memorySize: 256,
    environment: { TABLE: tableName, SUPPLIERS: cache.settings, REGION_OF_TAX: "eu", LANGUAGE: "en" },
    grants: {
        WriteRows: { actions: ["dynamodb:PutItem", "dynamodb:UpdateItem"], resources: [tableArn] },
        ReadSuppliers: { actions: ["dynamodb:GetItem"], resources: [cache.tableArn], kmsKeyArns: [key.arn] },
        CountOrders: { actions: ["dynamodb:Query"], resources: [tableArn] },
    },
    idempotency: { token: eda.IdempotencyToken.EVENT, mode: eda.IdempotencyMode.RECORD, keyJmespath: "body" },
    payloadStore: {
        bucketName: payloads.bucketName,
        bucketArn: payloads.bucketArn,
        prefix: payloads.prefix,
        kmsKeyArn: key.arn,
        access: eda.PayloadAccess.READ_WRITE,
    },
    queueSource: { batchSize: 5, maximumConcurrency: 2 },
    asynchronous: true,
    alarmActions: [alarms.topicArn],
    kmsKeyArn: key.arn,
    tags,
});
const flow = new eda.CallbackWorkflow("flow", {
    callFunctionArn: worker.functionArn,
    tableName,
    tableArn,
    key: "id",
    waitTimeout: 3600,
    alarmActions: [alarms.topicArn],
    tags,
});
const events = new eda.EventBus("events", {
    archiveRetentionInDays: 7,
    senderAccountIds: ["210987654321"],
    kmsKeyArn: key.arn,
    tags,
});
const told = new eda.FanOut("told", {
    fifo: true,
    queues: {
        billing: {
            filterPolicy: { kind: ["placed", "paid"], size: [{ numeric: [">", 1] }] },
            filterPolicyScope: eda.FilterPolicyScope.MESSAGE_BODY,
            visibilityTimeoutSeconds: 60,
        },
        audit: {},
    },
    tags,
});
const answers = { functionName: worker.functionName, invokeArn: worker.invokeArn };
const api = new eda.EventApi("api", {
    authorization: eda.Authorization.AWS_IAM,
    routes: {
        "POST /things": {
            workflow: {
                stateMachineArn: flow.stateMachineArn,
                tableName,
                tableArn,
                key: "id",
                location: "/things/{id}",
            },
            requestSchema: {
                type: "object",
                required: ["colour"],
                properties: {
                    size: { type: "integer" },
                    colour: { type: "string" },
                    amounts: { type: "array", items: { type: "number" } },
                },
            },
        },
        "GET /things/{id}": { function: answers, throttlingRateLimit: 20, throttlingBurstLimit: 10 },
        "GET /things/{id}/parts": { function: answers },
        "POST /events": {
            eventBus: {
                eventBusName: events.eventBusName,
                eventBusArn: events.eventBusArn,
                source: "things",
                detailType: "Thing sent",
            },
        },
        "POST /ordered": {
            queue: {
                queueUrl: told.queueUrls.audit,
                queueArn: told.queueArns.audit,
                fifo: true,
                keyRetentionInDays: 1,
            },
        },
    },
    tags,
});
const outbox = new eda.TableOutbox("outbox", {
    tableStreamSource: {
        streamArn,
        key: "id",
        attributes: ["event_id", "status"],
        filter: { status: ["DONE", { prefix: "F" }], event_id: [{ exists: true }] },
        startingPosition: eda.StartingPosition.LATEST,
    },
    queueArn: worker.queueArn.apply(arn => arn!),
    queueKmsKeyArn: key.arn,
    deadLetterQueueArn: worker.deadLetterQueueArn.apply(arn => arn!),
    deadLetterQueueKmsKeyArn: key.arn,
    tags,
});
const changes = new eda.BatchedFirehoseSink("changes", {
    tableStreamSource: {
        streamArn,
        key: "id",
        attributes: ["status", "colour"],
        startingPosition: eda.StartingPosition.TRIM_HORIZON,
    },
    format: eda.FileFormat.PARQUET,
    prefix: "changes/",
    tags,
});
const views = new eda.BatchedFirehoseSink("views", {
    directPut: {
        columns: [
            { name: "view_id", type: "string" },
            { name: "version", type: "bigint" },
            { name: "page", type: "string" },
            { name: "seconds", type: "double" },
        ],
    },
    databaseName: changes.databaseName,
    prefix: "views/",
    tags,
});
const query = new eda.PerObjectQuery("query", {
    bucketName: changes.bucketName,
    prefix: changes.prefix,
    databaseName: changes.databaseName,
    tableName: changes.tableName,
    query: "SELECT id, TRY_CAST(version AS bigint) version, status, event_name = 'REMOVE' deleted FROM {rows}",
    columns: [
        { name: "id", type: "string" },
        { name: "version", type: "bigint" },
        { name: "status", type: "string" },
        { name: "deleted", type: "boolean" },
    ],
    view: { name: "things_current", key: "id", versionColumn: "version", deletedColumn: "deleted" },
    tags,
});
const ledger = { ledgerTableName: query.ledgerTableName, ledgerTableArn: query.ledgerTableArn };
const load = new eda.ScheduledLoad("load", {
    ...ledger,
    dataset: query.dataset,
    curatedBucketName: query.curatedBucketName,
    curatedPrefix: query.curatedPrefix,
    columns: [
        { name: "id", type: "VARCHAR(64)" },
        { name: "version", type: "BIGINT" },
        { name: "status", type: "VARCHAR(64)" },
        { name: "deleted", type: "BOOLEAN" },
    ],
    key: "id",
    versionColumn: "version",
    reader: true,
    awaitsRefresh: true,
    namespace: {
        subnetIds: ["subnet-00000000000000001", "subnet-00000000000000002", "subnet-00000000000000003"],
        securityGroupIds: ["sg-00000000000000001"],
        baseCapacity: 8,
    },
    tags,
});
const refresh = new eda.SpiceRefresh("refresh", {
    ...ledger,
    statementPrefix: load.statementPrefix,
    dataSource: {
        host: load.endpointAddress.apply(address => address!),
        port: load.port,
        databaseName: load.redshiftDatabaseName,
        secretArn: load.readerSecretArn.apply(arn => arn!),
        vpcConnectionArn,
    },
    dataSets: {
        things: {
            schemaName: load.schemaName,
            tableName: load.targetTableName,
            columns: [
                { name: "id", type: "STRING" },
                { name: "version", type: "INTEGER" },
                { name: "deleted", type: "BOOLEAN" },
            ],
            deletedColumn: "deleted",
        },
        "all-things": {
            name: "All things",
            schemaName: load.schemaName,
            tableName: load.targetTableName,
            columns: [
                { name: "status", type: "STRING" },
                { name: "id", type: "STRING" },
            ],
        },
    },
    ownerArns,
    tags,
});
const repairs = new eda.Reconciler("repairs", {
    ...ledger,
    queries: {
        workgroupArn: query.workgroupArn,
        databaseName: changes.databaseName,
        tableName: changes.tableName,
        bucketName: changes.bucketName,
        prefix: changes.prefix,
        curatedBucketName: query.curatedBucketName,
        curatedPrefix: query.curatedPrefix,
        resultBucketName: query.resultBucketName,
        resultPrefix: "results/query/",
        deadLetterQueueUrl: query.deadLetterQueueUrl,
        deadLetterQueueArn: query.deadLetterQueueArn,
    },
    loads: { jobName: load.jobName, jobArn: load.jobArn },
    ingestions: { dataSetIds: [refresh.dataSetIds[0], refresh.dataSetIds[1]] },
    tags,
});
const pages = new eda.AnalyticsChain("pages", {
    query: {
        bucketName: views.bucketName,
        prefix: views.prefix,
        databaseName: views.databaseName,
        tableName: views.tableName,
        query: "SELECT view_id, version, page, seconds FROM {rows}",
        columns: [
            { name: "view_id", type: "string" },
            { name: "version", type: "bigint" },
            { name: "page", type: "string" },
            { name: "seconds", type: "double" },
        ],
        view: { name: "pages_current", key: "view_id", versionColumn: "version" },
    },
    redshift: {
        columns: [
            { name: "seconds", type: "DOUBLE PRECISION" },
            { name: "view_id", type: "VARCHAR(64)" },
            { name: "version", type: "BIGINT" },
            { name: "page", type: "VARCHAR(256)" },
        ],
        key: "view_id",
        versionColumn: "version",
        schemaName: "pages",
        reader: true,
        workgroup: {
            workgroupName: load.workgroupName,
            workgroupArn: load.workgroupArn,
            databaseName: load.redshiftDatabaseName,
            secretArn: load.secretArn,
            copyRoleArn: load.copyRoleArn,
            endpointAddress: load.endpointAddress.apply(address => address!),
            port: load.port,
        },
    },
    quicksight: { dataSets: { pages: {} }, dataSource: { vpcConnectionArn }, ownerArns },
    reconciler: { graceSeconds: 600 },
    tags,
});
new eda.Observability("seen", {
    observed: [
        ...[worker, flow, api, outbox, changes, query, load, refresh, repairs, pages, cache].map(each => each.observed),
        { tables: [tableName] },
    ],
    functions: { orders: "another-stacks-orders", invoices: "another-stacks-invoices", customers: "another-stacks-customers" },
    sampling: { reservoirSize: 2, fixedRate: 0.1 },
    alarmActions: [alarms.topicArn],
    tags,
});

export const queueUrl = worker.queueUrl;
export const curatedColumns = query.columns;
export const viewColumns = views.columns;
