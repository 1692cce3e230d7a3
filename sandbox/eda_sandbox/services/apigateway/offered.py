"""What the sandbox offers of API Gateway's REST APIs, which are made from OpenAPI documents."""

from eda_sandbox.foundation.offered import Offered

OFFERED = Offered(
    "apigateway",
    "BadRequestException",
    {
        "CreateApiKey": "name description enabled value tags",
        "CreateBasePathMapping": "domainName basePath restApiId stage",
        "CreateDeployment": "restApiId description stageName stageDescription variables",
        "CreateDomainName": "domainName regionalCertificateArn endpointConfiguration.types=REGIONAL tags "
        "securityPolicy policy",
        "CreateRestApi": "name description version binaryMediaTypes minimumCompressionSize apiKeySource "
        "endpointConfiguration.types policy tags disableExecuteApiEndpoint",
        "CreateStage": "restApiId stageName deploymentId description variables tracingEnabled tags",
        "CreateUsagePlan": "*",
        "CreateUsagePlanKey": "*",
        "DeleteApiKey": "*",
        "DeleteBasePathMapping": "domainName basePath",
        "DeleteDeployment": "*",
        "DeleteDomainName": "domainName",
        "DeleteRestApi": "*",
        "DeleteStage": "*",
        "DeleteUsagePlan": "*",
        "DeleteUsagePlanKey": "*",
        "GetAccount": "*",
        "GetApiKey": "*",
        "GetBasePathMapping": "domainName basePath",
        "GetDeployment": "restApiId deploymentId",
        "GetDomainName": "domainName",
        "GetGatewayResponses": "*",
        "GetResources": "*",
        "GetRestApi": "*",
        "GetRestApis": "*",
        "GetStage": "*",
        "GetTags": "resourceArn",
        "GetUsagePlan": "*",
        "GetUsagePlanKey": "*",
        "PutRestApi": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateAccount": "*",
        "UpdateStage": "*",
    },
)
