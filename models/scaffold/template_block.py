"""A model's block in template.yaml, in the one shape that all of them have."""

import re

from maas.errors import AlreadyExists, ConfigurationError

_BANNER_WIDTH = 115
_BANNER = re.compile(r"^  # -+ Model: \w+ ---$", re.MULTILINE)
_OUTPUT = re.compile(r"^    Value: !Ref \w+Function\.Alias\n", re.MULTILINE)
_SETTING = re.compile(
    r'^        - ResourcePath: "/~1v1~1models~1\w+(?::explain|~1\{proxy\+\})"\n(?:          .+\n)+',
    re.MULTILINE,
)

_BLOCK = """\
  # {summary}
  {camel}Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${{AWS::StackName}}-{name}
      Description: {description}
      CodeUri: functions/{name}
      VersionDescription: !GetAtt Settings.Value
      Role: !GetAtt {camel}Role.Arn
      ReservedConcurrentExecutions: !If [IsReserved, !Ref ModelConcurrency, !Ref AWS::NoValue]
      LoggingConfig: {{ LogGroup: !Ref {camel}LogGroup }}
      DeploymentPreference: {{ Alarms: [!Ref {camel}CodeAlarm] }}
      Environment: {{ Variables: {{ POWERTOOLS_SERVICE_NAME: {name} }} }}
      Events:
        Card: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Method: ANY, Path: /v1/models/{name} }} }}
        Predict: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Method: ANY, Path: "/v1/models/{name}:predict" }} }}
        Explain: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Method: ANY, Path: "/v1/models/{name}:explain" }} }}
        Feedback: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Method: ANY, Path: "/v1/models/{name}:feedback" }} }}
        V1: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Method: ANY, Path: "/v1/models/{name}/{{proxy+}}" }} }}
        Metadata: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Method: ANY, Path: /v2/models/{name} }} }}
        V2: {{ Type: Api, Properties: {{ RestApiId: !Ref Api, Method: ANY, Path: "/v2/models/{name}/{{proxy+}}" }} }}

  # Declared, else Lambda makes one that is kept for ever.
  {camel}LogGroup:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      LogGroupName: !Sub /aws/lambda/${{AWS::StackName}}-{name}
      RetentionInDays: !Ref LogRetentionDays

  # Reads its own model's manifests and the blobs they name; writes its own log, kept answers, captures, outcomes.
  {camel}Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {{ Effect: Allow, Principal: {{ Service: lambda.amazonaws.com }}, Action: sts:AssumeRole }}
      ManagedPolicyArns:
        - !If [IsTraced, !Ref TracingPolicy, !Ref AWS::NoValue]
        - !If [HasSubjects, !Ref SubjectKeyPolicy, !Ref AWS::NoValue]
      Policies:
        - PolicyName: {name}
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: [logs:CreateLogStream, logs:PutLogEvents]
                Resource: !Sub "${{{camel}LogGroup.Arn}}"
              - Effect: Allow
                Action: s3:GetObject
                Resource: [!Sub "${{ModelsBucket.Arn}}/models/{name}/*", !Sub "${{ModelsBucket.Arn}}/blobs/*"]
              - Effect: Allow
                Action: s3:ListBucket
                Resource: !GetAtt ModelsBucket.Arn
                Condition: {{ StringLike: {{ s3:prefix: ["models/{name}/*"] }} }}
              - Effect: Allow
                Action: [s3:GetObject, s3:PutObject]
                Resource: !Sub ${{DataBucket.Arn}}/idempotency/{name}/*
              - Effect: Allow
                Action: s3:PutObject
                Resource:
                  - !Sub ${{DataBucket.Arn}}/captures/{name}/*
                  - !Sub ${{DataBucket.Arn}}/outcomes/{name}/*

  # A canary that fails, or is slow, is taken back at once: the release function reads the model in the alarm's name.
  {camel}CanaryFailures:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub ${{AWS::StackName}}-canary-{name}-failures
      AlarmDescription: The canary of {name} failed too often, and was taken back.
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]
      Namespace: !Sub maas/${{AWS::StackName}}
      MetricName: Failed
      Dimensions:
        - {{ Name: environment, Value: !Ref Environment }}
        - {{ Name: service, Value: {name} }}
        - {{ Name: track, Value: canary }}
      Statistic: Average
      Period: 60
      EvaluationPeriods: 3
      DatapointsToAlarm: 2
      Threshold: !Ref CanaryAlarmFailures
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching

  {camel}CanaryLatency:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub ${{AWS::StackName}}-canary-{name}-latency
      AlarmDescription: The canary of {name} was too slow, and was taken back.
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]
      Namespace: !Sub maas/${{AWS::StackName}}
      MetricName: Latency
      Dimensions:
        - {{ Name: environment, Value: !Ref Environment }}
        - {{ Name: service, Value: {name} }}
        - {{ Name: track, Value: canary }}
      ExtendedStatistic: p95
      Period: 60
      EvaluationPeriods: 3
      DatapointsToAlarm: 3
      Threshold: !Ref CanaryAlarmMilliseconds
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching

  # While CodeDeploy shifts requests to new code: the share that failed, or crashed.
  {camel}CodeAlarm:
    Type: AWS::CloudWatch::Alarm
    Condition: IsDeployedGradually
    Properties:
      AlarmDescription: Requests to {name} fail. New code that is being deployed is taken back.
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]
      Metrics:
        - {{ Id: share, Expression: "(FILL(failed, 0) + FILL(crashed, 0)) / FILL(invoked, 1)", ReturnData: true }}
        - Id: failed
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 60
            Metric:
              Namespace: !Sub maas/${{AWS::StackName}}
              MetricName: Failed
              Dimensions:
                - {{ Name: environment, Value: !Ref Environment }}
                - {{ Name: service, Value: {name} }}
        - Id: crashed
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 60
            Metric:
              Namespace: AWS/Lambda
              MetricName: Errors
              Dimensions: [{{ Name: FunctionName, Value: !Sub "${{AWS::StackName}}-{name}" }}]
        - Id: invoked
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 60
            Metric:
              Namespace: AWS/Lambda
              MetricName: Invocations
              Dimensions: [{{ Name: FunctionName, Value: !Sub "${{AWS::StackName}}-{name}" }}]
      EvaluationPeriods: 1
      Threshold: !Ref CanaryAlarmFailures
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching

  # What people are told of: failures, slowness, refusals for want of capacity, and data unlike those of training.
  {camel}ErrorsAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: Requests to {name} fail, crash or time out, or its version in production cannot be used.
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]
      Metrics:
        # Where a version cannot be loaded the last good one goes on: nothing fails, and that must be seen all the same.
        - Id: share
          Expression: "IF(FILL(kept, 0) > 0, 1, (FILL(failed, 0) + FILL(crashed, 0)) / FILL(invoked, 1))"
          ReturnData: true
        - Id: kept
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 300
            Metric:
              Namespace: !Sub maas/${{AWS::StackName}}
              MetricName: KeptLastGood
              Dimensions:
                - {{ Name: environment, Value: !Ref Environment }}
                - {{ Name: service, Value: {name} }}
        - Id: failed
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 300
            Metric:
              Namespace: !Sub maas/${{AWS::StackName}}
              MetricName: Failed
              Dimensions:
                - {{ Name: environment, Value: !Ref Environment }}
                - {{ Name: service, Value: {name} }}
        - Id: crashed
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 300
            Metric:
              Namespace: AWS/Lambda
              MetricName: Errors
              Dimensions: [{{ Name: FunctionName, Value: !Sub "${{AWS::StackName}}-{name}" }}]
        - Id: invoked
          ReturnData: false
          MetricStat:
            Stat: Sum
            Period: 300
            Metric:
              Namespace: AWS/Lambda
              MetricName: Invocations
              Dimensions: [{{ Name: FunctionName, Value: !Sub "${{AWS::StackName}}-{name}" }}]
      EvaluationPeriods: 1
      Threshold: !Ref AlarmFailures
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching

  {camel}LatencyAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: Requests to {name} are slow.
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]
      Namespace: !Sub maas/${{AWS::StackName}}
      MetricName: Latency
      Dimensions:
        - {{ Name: environment, Value: !Ref Environment }}
        - {{ Name: service, Value: {name} }}
      ExtendedStatistic: p99
      Period: 300
      EvaluationPeriods: 3
      DatapointsToAlarm: 2
      Threshold: !Ref AlarmMilliseconds
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching

  {camel}ThrottlesAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: Requests to {name} are refused because too many run already.
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]
      Namespace: AWS/Lambda
      MetricName: Throttles
      Dimensions: [{{ Name: FunctionName, Value: !Sub "${{AWS::StackName}}-{name}" }}]
      Statistic: Sum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching

  # The monitor looks once a day or so: in between nothing is known, and the state stays.
  {camel}DriftAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: What {name} is asked or answers is unlike its training, or its live metrics are worse.
      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]
      Metrics:
        - {{ Id: worst, Expression: "MAX([drift, prediction, degradation])", ReturnData: true }}
        - Id: drift
          ReturnData: false
          MetricStat:
            Stat: Maximum
            Period: 3600
            Metric:
              Namespace: !Sub maas/${{AWS::StackName}}
              MetricName: Drift
              Dimensions:
                - {{ Name: environment, Value: !Ref Environment }}
                - {{ Name: service, Value: {name} }}
        - Id: prediction
          ReturnData: false
          MetricStat:
            Stat: Maximum
            Period: 3600
            Metric:
              Namespace: !Sub maas/${{AWS::StackName}}
              MetricName: PredictionDrift
              Dimensions:
                - {{ Name: environment, Value: !Ref Environment }}
                - {{ Name: service, Value: {name} }}
        - Id: degradation
          ReturnData: false
          MetricStat:
            Stat: Maximum
            Period: 3600
            Metric:
              Namespace: !Sub maas/${{AWS::StackName}}
              MetricName: Degradation
              Dimensions:
                - {{ Name: environment, Value: !Ref Environment }}
                - {{ Name: service, Value: {name} }}
      EvaluationPeriods: 1
      Threshold: !Ref AlarmDrift
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: ignore
"""  # noqa: E501 - the template's lines may have 120 columns

_SETTINGS = """\
        - ResourcePath: "/~1v1~1models~1{name}:explain"
          HttpMethod: POST
          ThrottlingRateLimit: !Ref ExplainRate
          ThrottlingBurstLimit: !Ref ExplainBurst
        - ResourcePath: "/~1v1~1models~1{name}~1{{proxy+}}"
          HttpMethod: POST
          ThrottlingRateLimit: !Ref ExplainRate
          ThrottlingBurstLimit: !Ref ExplainBurst
"""

_OUTPUTS = """\
  {camel}Function:
    Description: The function of the model {name}, by the alias that serves.
    Value: !Ref {camel}Function.Alias
"""


def camel(name: str) -> str:
    """The CamelCase form of a snake_case name, for logical ids and classes."""
    return "".join(part.capitalize() for part in name.split("_"))


def block(name: str, summary: str) -> str:
    """The banner and the resources of a model; `summary` is one line of plain text."""
    label = f" Model: {name} ---"
    banner = f"  # {'-' * (_BANNER_WIDTH - 4 - len(label))}{label}\n"
    quoted = '"' + f"Model {name}: {summary}".replace("\\", "\\\\").replace('"', '\\"') + '"'
    return banner + _BLOCK.format(name=name, camel=camel(name), summary=summary, description=quoted)


def models_in(template: str) -> int:
    """How many models the template has."""
    return len(_BANNER.findall(template))


def inserted(template: str, name: str, summary: str) -> str:
    """The template with a model's block, throttle and output behind the last model's; all else as it was.

    Raises:
        AlreadyExists: The template has the model.
        ConfigurationError: The template has no models, banners or outputs to go by.
    """
    if re.search(rf"^  {camel(name)}Function:$", template, re.MULTILINE):
        raise AlreadyExists(f"template.yaml has {camel(name)}Function already")
    resources, heading, outputs = template.partition("\nOutputs:\n")
    settings = list(_SETTING.finditer(resources))
    if settings:
        place = settings[-1].end()
        resources = resources[:place] + _SETTINGS.format(name=name) + resources[place:]
    banners, values = list(_BANNER.finditer(resources)), list(_OUTPUT.finditer(outputs))
    if not heading or not settings or not banners or not values:
        raise ConfigurationError("template.yaml has no block of a model to put another one behind")
    # The next section of another kind, if one follows the models.
    after = re.compile(r"^  # -{20,}.*---$", re.MULTILINE).search(resources, banners[-1].end())
    end = after.start() if after else len(resources)
    before = resources[:end].rstrip("\n")
    rest = f"\n\n{resources[end:]}" if after else "\n"
    place = values[-1].end()
    added = _OUTPUTS.format(name=name, camel=camel(name))
    return (
        f"{before}\n\n{block(name, summary).rstrip()}{rest}{heading}{outputs[:place]}{added}{outputs[place:]}"
    )
