"""Where a Python shell job of Glue writes that was given a log group of its own."""

from pipeline.probe.asking import Asking

DEFAULT_GROUP = "/aws-glue/python-jobs/output"


def ask(asking: Asking) -> dict[str, str]:
    """A job says a word; it is looked for in both log groups.

    Returns:
        The value of ``glue-python-shell-log-group``.

    Raises:
        ProbeFailed: the job did not end, or its word is nowhere.
    """
    s3, logs, glue = (asking.client(service) for service in ("s3", "logs", "glue"))
    region, partition = s3.meta.region_name, s3.meta.partition
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=asking.name, **where)
    asking.undo.callback(s3.delete_bucket, Bucket=asking.name)
    s3.put_object(Bucket=asking.name, Key="say.py", Body=f"print('{asking.name} speaks')\n".encode())
    asking.undo.callback(s3.delete_object, Bucket=asking.name, Key="say.py")
    own = f"/eda-probe/{asking.name}"
    logs.create_log_group(logGroupName=own)
    asking.undo.callback(logs.delete_log_group, logGroupName=own)
    role = asking.role(
        "glue.amazonaws.com",
        [
            {"Action": "s3:GetObject", "Resource": f"arn:{partition}:s3:::{asking.name}/*"},
            {
                "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "*",
            },
        ],
    )
    asking.patiently(
        glue.create_job,
        Name=asking.name,
        Role=role,
        Command={
            "Name": "pythonshell",
            "ScriptLocation": f"s3://{asking.name}/say.py",
            "PythonVersion": "3.9",
        },
        GlueVersion="3.0",
        MaxCapacity=0.0625,
        Timeout=5,
        DefaultArguments={
            "--enable-continuous-cloudwatch-log": "true",
            "--continuous-log-logGroup": own,
        },
    )
    asking.undo.callback(glue.delete_job, JobName=asking.name)
    run = asking.patiently(glue.start_job_run, JobName=asking.name)["JobRunId"]

    def ended() -> bool:
        state = glue.get_job_run(JobName=asking.name, RunId=run)["JobRun"]["JobRunState"]
        return state in ("SUCCEEDED", "FAILED", "TIMEOUT", "ERROR", "STOPPED")

    asking.until(ended, "the job has ended", 900)

    def spoke() -> str | None:
        for value, group in (("custom", own), ("default", DEFAULT_GROUP)):
            try:
                found = logs.filter_log_events(logGroupName=group, filterPattern=f'"{asking.name} speaks"')
            except logs.exceptions.ResourceNotFoundException:
                continue
            if found["events"]:
                return value
        return None

    return {"glue-python-shell-log-group": asking.until(spoke, "the job's word in a log group", 300)}
