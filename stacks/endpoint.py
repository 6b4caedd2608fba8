"""The endpoint stack: execution role, SageMaker model, endpoint configuration, endpoint, scaling, callers' policies."""

from typing import Any

from stacks import policies
from stacks.aws_bindings import (
    App,
    AppautoscalingPolicy,
    AppautoscalingTarget,
    CloudwatchLogGroup,
    DataResource,
    IamPolicy,
    IamRole,
    IamRolePolicy,
    SagemakerEndpoint,
    SagemakerEndpointConfiguration,
    SagemakerEndpointConfigurationProductionVariants,
    SagemakerModel,
    TerraformOutput,
    TerraformResource,
    TerraformResourceLifecycle,
)
from stacks.deployment import deployment_config
from stacks.environment_stack import EnvironmentStack, address
from stacks.monitoring import add_alarms, add_errors_alarm, add_topic
from stacks.names import Names
from stacks.project import Project
from stacks.settings import AutoScaling


class EndpointStack(EnvironmentStack):
    """One endpoint for all models. A new image or setting updates it in place; it keeps its name."""

    def __init__(self, app: App, names: Names, project: Project, context_hash: str) -> None:
        super().__init__(app, "endpoint", names, project)
        rights = self._add_execution_role()
        model = self._add_model(names.image_uri(context_hash), rights)
        configuration = self._add_configuration(model)
        endpoint = self._add_endpoint(configuration)
        self._add_verification(endpoint, configuration, names.image_uri(context_hash))
        if self.settings.auto_scaling is not None:
            self._add_auto_scaling(self.settings.auto_scaling, endpoint)
        self._add_caller_policies()
        self.parameter("endpoint_name", self.names.endpoint, "What callers name in InvokeEndpoint.")
        TerraformOutput(self, "endpoint_name", value=endpoint.name, description="What callers name in InvokeEndpoint.")
        TerraformOutput(self, "endpoint_arn", value=endpoint.arn, description="What policies of callers name.")
        TerraformOutput(
            self, "endpoint_configuration_name", value=configuration.name, description="The configuration in use."
        )
        TerraformOutput(
            self, "image_uri", value=names.image_uri(context_hash), description="The image that the endpoint runs."
        )
        TerraformOutput(self, "log_group", value=names.log_group, description="Where the model server's logs are.")

    def _add_execution_role(self) -> list[TerraformResource]:
        if self.settings.existing.execution_role_arn is not None:
            TerraformOutput(
                self,
                "execution_rights",
                value=policies.execution(self.names),
                description="The policy that the existing execution role needs.",
            )
            return []
        role = IamRole(
            self,
            "execution_role",
            name=self.names.role,
            path=self.settings.iam_path,
            permissions_boundary=self.settings.permissions_boundary_arn,
            description=f"What the endpoint {self.names.endpoint} may do.",
            assume_role_policy=policies.trust_sagemaker(self.settings.account_id),
        )
        rights = IamRolePolicy(
            self, "execution_rights", name="execution", role=role.name, policy=policies.execution(self.names)
        )
        return [role, rights]

    def _add_model(self, image_uri: str, rights: list[TerraformResource]) -> SagemakerModel:
        settings = self.settings
        container: dict[str, Any] = {
            "image": image_uri,
            "mode": "MultiModel",
            "model_data_url": self.names.model_data_url,
            "multi_model_config": {"model_cache_setting": settings.model_cache_setting},
        }
        container["environment"] = {**settings.server_environment, **self.names.place}
        # The role by its name, not by a reference: the hash needs its value before the role exists.
        arguments: dict[str, Any] = {"execution_role_arn": self.names.role_arn, "primary_container": container}
        if settings.vpc is not None:
            arguments["vpc_config"] = {
                "subnets": sorted(settings.vpc.subnet_ids),
                "security_group_ids": sorted(settings.vpc.security_group_ids),
            }
        if settings.network_isolation:
            arguments["enable_network_isolation"] = True
        return SagemakerModel(
            self,
            "model",
            name=self.names.model(arguments),
            **arguments,
            depends_on=rights,
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )

    def _add_configuration(self, model: SagemakerModel) -> SagemakerEndpointConfiguration:
        settings = self.settings
        variant: dict[str, Any] = {
            "variant_name": settings.variant_name,
            "instance_type": settings.instance_type,
            "initial_instance_count": settings.initial_instance_count,
            "initial_variant_weight": 1,
        }
        if settings.volume_size_gb is not None:
            variant["volume_size_in_gb"] = settings.volume_size_gb
        if settings.startup_timeout_seconds is not None:
            variant["container_startup_health_check_timeout_in_seconds"] = settings.startup_timeout_seconds
        kms_key_arn = None if settings.has_local_storage else settings.kms_key_arn
        arguments = {"production_variants": [variant | {"model_name": model.name_input}], "kms_key_arn": kms_key_arn}
        return SagemakerEndpointConfiguration(
            self,
            "endpoint_configuration",
            name=self.names.endpoint_configuration(arguments),
            # The model by a reference, for the order of things.
            production_variants=[SagemakerEndpointConfigurationProductionVariants(model_name=model.name, **variant)],
            kms_key_arn=kms_key_arn,
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )

    def _add_endpoint(self, configuration: SagemakerEndpointConfiguration) -> SagemakerEndpoint:
        deployment = self.settings.deployment
        # SageMaker would create the group itself with its first line, and keep the logs for ever.
        logs = CloudwatchLogGroup(
            self, "logs", name=self.names.log_group, retention_in_days=self.settings.log_retention_days
        )
        topics = add_topic(self)
        alarm = add_errors_alarm(self, topics)
        add_alarms(self, topics)
        return SagemakerEndpoint(
            self,
            "endpoint",
            name=self.names.endpoint,
            endpoint_config_name=configuration.name,
            deployment_config=deployment_config(deployment, [alarm.alarm_name, *deployment.alarm_names]),
            depends_on=[logs],
            lifecycle=self.protected,
        )

    def _add_verification(
        self, endpoint: SagemakerEndpoint, configuration: SagemakerEndpointConfiguration, image_uri: str
    ) -> None:
        """Fail the apply when SageMaker rolled the update back.

        The provider reports success then, and Terraform would go on to delete the previous configuration, which is
        the one in use. This resource stands between: while it fails, the previous configuration stays.

        It also keeps the image in use from expiring, where the environment's own repository holds it.
        """
        checked = {"ENDPOINT_NAME": self.names.endpoint, "ENDPOINT_CONFIGURATION_NAME": configuration.name}
        programs = [self.program("stacks.verify_endpoint", checked)]
        if image_uri.startswith((f"{self.names.repository_uri}:", f"{self.names.repository_uri}@")):
            kept = {
                "IMAGE_URI": image_uri,
                "ENDPOINT_CONFIGURATION_NAME": configuration.name,
                "CONFIGURATIONS_BEGIN_WITH": self.names.shard_base,
            }
            programs.append(self.program("image_builder.in_use", kept))
        DataResource(
            self,
            "verification",
            triggers_replace={"endpoint_configuration": configuration.id},
            depends_on=[endpoint],
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
            provisioners=programs,
        )

    def _add_auto_scaling(self, scaling: AutoScaling, endpoint: SagemakerEndpoint) -> None:
        # SageMaker refuses another instance type while the variant is a scalable target. Replacing the target with
        # the type makes Terraform deregister it before the endpoint's update and register it again afterwards.
        instance_type = DataResource(self, "scaled_instance_type", input={"instance_type": self.settings.instance_type})
        replaced = TerraformResourceLifecycle(replace_triggered_by=[address(instance_type)])
        dimension, service = "sagemaker:variant:DesiredInstanceCount", "sagemaker"
        target = AppautoscalingTarget(
            self,
            "scaling_target",
            service_namespace=service,
            resource_id=f"endpoint/{self.names.endpoint}/variant/{self.settings.variant_name}",
            scalable_dimension=dimension,
            min_capacity=scaling.minimum_instance_count,
            max_capacity=scaling.maximum_instance_count,
            depends_on=[endpoint],
            lifecycle=replaced,
        )
        AppautoscalingPolicy(
            self,
            "scaling_policy",
            name=self.names.scaling_policy,
            policy_type="TargetTrackingScaling",
            service_namespace=service,
            resource_id=target.resource_id,
            scalable_dimension=dimension,
            target_tracking_scaling_policy_configuration={
                "target_value": scaling.target_invocations_per_instance_per_minute,
                "predefined_metric_specification": {"predefined_metric_type": "SageMakerVariantInvocationsPerInstance"},
                "scale_in_cooldown": scaling.scale_in_cooldown_seconds,
                "scale_out_cooldown": scaling.scale_out_cooldown_seconds,
            },
            lifecycle=replaced,
        )

    def _add_caller_policies(self) -> None:
        for name, caller in self.settings.callers.items():
            identifier = f"invoke_{name.replace('-', '_')}"
            policy = IamPolicy(
                self,
                identifier,
                name=self.names.caller_policy(name),
                path=self.settings.iam_path,
                description=f"Lets {name} invoke its models on the endpoint {self.names.endpoint}.",
                policy=policies.invoke(self.names, caller),
            )
            TerraformOutput(
                self, f"{identifier}_policy_arn", value=policy.arn, description=f"To attach to the role of {name}."
            )
