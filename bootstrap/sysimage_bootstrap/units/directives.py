"""How each directive of a unit is treated: implemented, replaced by the container, without meaning, or not supported.

The names are those of systemd.unit(5), .service(5), .exec(5), .kill(5), .resource-control(5), .socket(5), .timer(5).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass


class Outcome(enum.Enum):
    DONE = "done"
    CONTAINED = "replaced by the container"
    UNDONE = "not supported"


@dataclass(frozen=True, slots=True, order=True)
class IgnoredDirective:
    """A directive that has no effect, and the consequence."""

    directive: str
    meaning: str


_EXEC = "Condition|Start|StartPre|StartPost|Reload|Stop|StopPost"
_DONE = {
    "Unit": r"Description|After|Before|Requires|Requisite|Wants|BindsTo|PartOf|Upholds|Conflicts"
    r"|OnFailure|OnSuccess|ReloadPropagatedFrom|PropagatesReloadTo|PropagateReload(From|To)"
    r"|StartLimit(IntervalSec|Interval|Burst)"
    r"|(Condition|Assert)(PathExists|PathExistsGlob|PathIsDirectory|PathIsSymbolicLink|PathIsReadWrite|PathIsMountPoint"
    r"|DirectoryNotEmpty|FileNotEmpty|FileIsExecutable|Virtualization|FirstBoot|User|Group|Capability|ACPower"
    r"|KernelCommandLine|KernelVersion|Security|Host|NeedsUpdate|ControlGroupController|Memory|CPUs|Architecture"
    r"|Environment|KernelModuleLoaded|PathIsEncrypted|CPUFeature|OSRelease|MemoryPressure"
    r"|CPUPressure|IOPressure|Credential|Firmware)",
    "Service": rf"Exec({_EXEC})|Type|PIDFile|BusName|RemainAfterExit|GuessMainPID|NotifyAccess|Restart|RestartSec"
    r"|SuccessExitStatus|RestartPreventExitStatus|RestartForceExitStatus|Timeout(Sec|StartSec|StopSec)|ReloadSignal"
    r"|StartLimit(Interval|IntervalSec|Burst)|WatchdogSec|WatchdogSignal|Sockets"
    r"|User|Group|SupplementaryGroups|DynamicUser|Environment|EnvironmentFile|UnsetEnvironment|PassEnvironment"
    r"|WorkingDirectory|(Runtime|State|Cache|Logs|Configuration)Directory(Mode)?|RuntimeDirectoryPreserve|UMask"
    r"|Limit[A-Z]+|Nice|OOMScoreAdjust|AmbientCapabilities|CapabilityBoundingSet|NoNewPrivileges"
    r"|KillMode|KillSignal|RestartKillSignal|FinalKillSignal|SendSIGHUP|SendSIGKILL"
    r"|Standard(Input|Output|Error)|IgnoreSIGPIPE|PermissionsStartOnly",
    "Socket": r"Listen(Stream|Datagram|SequentialPacket|FIFO)|Socket(Mode|User|Group)|DirectoryMode|Backlog|Service"
    r"|FileDescriptorName|RemoveOnStop|Accept|MaxConnections",
    "Timer": r"OnCalendar|On(Boot|Startup|Active|UnitActive|UnitInactive)Sec|Unit",
    "Install": r"WantedBy|RequiredBy|UpheldBy|Alias|Also|DefaultInstance",
}
"""Section → the keys that have an effect."""

_MEANINGLESS = {
    "Unit": r"Documentation|DefaultDependencies|RequiresMountsFor|WantsMountsFor|IgnoreOnIsolate"
    r"|AllowIsolate|RefuseManual(Start|Stop)"
    r"|StopWhenUnneeded|CollectMode|SourcePath|SurviveFinalKillSignal"
    r"|(Job|JobRunning)TimeoutSec|FailureAction|SuccessAction"
    r"|StartLimitAction|RebootArgument|JobTimeoutAction|PropagatesStopTo|StopPropagatedFrom"
    r"|OnFailureJobMode|OnSuccessJobMode",
    "Service": r"Syslog[A-Za-z]+|Log[A-Z][A-Za-z]+|UtmpIdentifier|UtmpMode|Slice|Delegate|OOMPolicy"
    r"|KeyringMode|TimerSlackNSec"
    r"|TTY(Path|Reset|VHangup|VTDisallocate|Columns|Rows)|FileDescriptorStore[A-Za-z]+"
    r"|RootDirectoryStartOnly|FailureAction"
    r"|TimeoutAbortSec|TimeoutStartFailureMode|TimeoutStopFailureMode|ExitType|RestartMode"
    r"|CoredumpFilter|Personality|ImportCredential|ManagedOOM[A-Za-z]+|DelegateSubgroup|NonBlocking|TimeoutCleanSec"
    r"|Reboot[A-Za-z]+|StartLimitAction|SetLoginEnvironment|SurviveFinalKillSignal",
    "Socket": r"KeepAlive[A-Za-z]*|NoDelay|ReusePort|FreeBind|Transparent|PassCredentials|PassSecurity"
    r"|PassPacketInfo|ReceiveBuffer"
    r"|SendBuffer|IPTOS|IPTTL|Mark|Priority|DeferAcceptSec|PollLimit[A-Za-z]+"
    r"|TriggerLimit[A-Za-z]+|Writable|BindIPv6Only"
    r"|Timestamping|FlushPending|SELinuxContextFromNet|SmackLabel[A-Za-z]*"
    r"|PassFileDescriptorsToExec|TimeoutSec|Slice|Symlinks"
    r"|MaxConnectionsPerSource|BindToDevice|RemoveIPC|(Private|Protect|Restrict|SystemCall|Lock|NoNew|Memory)[A-Za-z]*"
    r"|PollLimit[A-Za-z]*|PipeSize|MessageQueue[A-Za-z]+",
    "Timer": r"AccuracySec|RandomizedDelaySec|FixedRandomDelay|RandomizedOffsetSec|Persistent|WakeSystem"
    r"|RemainAfterElapse"
    r"|OnClockChange|OnTimezoneChange|DeferReactivation",
}
"""Section → keys without a meaning where there is no systemd, no seat and no journal, or that only tune."""

_ISOLATION = (
    r"Private[A-Z][A-Za-z]*|Protect[A-Z][A-Za-z]*|Restrict[A-Z][A-Za-z]*|SystemCall[A-Za-z]+"
    r"|LockPersonality|MemoryDenyWriteExecute"
    r"|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)(Paths|Directories)|MountFlags|MountAPIVFS"
    r"|RemoveIPC|SecureBits|ProcSubset"
    r"|AppArmorProfile|SELinuxContext|SmackProcessLabel|Device(Allow|Policy)"
    r"|IPAddress(Allow|Deny)|Capabilities|UserNamespacePath"
    r"|SocketBind(Allow|Deny)|NetworkNamespacePath|IPCNamespacePath|ExtensionDirectories|NFTSet"
    r"|BPFProgram|IP(In|E)gressFilterPath"
)
_RESOURCES = (
    r"(CPU|Memory|IO|BlockIO|Tasks|IP)(Quota|QuotaPeriodSec|Weight|StartupWeight|Max|High|Low|Min|SwapMax|Limit|Shares"
    r"|Accounting|DeviceWeight|ReadBandwidthMax|WriteBandwidthMax|PressureWatch"
    r"|PressureThresholdSec|ZSwapMax|ZSwapWriteback)|Startup[A-Z][A-Za-z]+|DefaultMemory[A-Za-z]+"
    r"|CPUScheduling[A-Za-z]+|CPUAffinity|IOScheduling[A-Za-z]+|NUMA(Policy|Mask)"
    r"|Allowed(CPUs|MemoryNodes)|MemoryKSM|MemoryTHP"
)
_CONTAINED = {
    _ISOLATION: "the container isolates the service, nothing inside it does",
    _RESOURCES: "the engine limits what a container uses, as with --memory, --cpus and --pids-limit",
}
_UNDONE = {
    r"Root(Directory|Image|Hash|HashSignature|Verity|Ephemeral|ImageOptions)|Mount(Images)|ExtensionImages": (
        "the service sees the image's own root"
    ),
    r"Bind(ReadOnly)?Paths|TemporaryFileSystem": "nothing is mounted: the service sees what is at these paths",
    r"(Load|Set)Credential(Encrypted)?": "there are no credentials: mount a file where the service looks for it",
    r"JoinsNamespaceOf": "services share one view of the container anyway, their own /tmp excepted",
    r"PAMName": "no PAM session is opened",
    r"RuntimeMaxSec|RuntimeRandomizedExtraSec": "the service runs without a limit of time",
    r"RestartSteps"
    r"|RestartMaxDelaySec": "a service that ends again and again is restarted after growing pauses of at most a minute",
    r"Listen(Netlink|Special|MessageQueue|USBFunction)": "such a socket is not opened for the service",
    r"OpenFile|USBFunction[A-Za-z]+|OnClockChange|PathChanged|PathExists|PathModified"
    r"|DirectoryNotEmpty": "this does not start or serve it",
    r"ExecReloadPost|Exec(Start|Stop)(Pre|Post)|ExecStopPre": "this command does not run",
}


def outcome(section: str, key: str) -> tuple[Outcome, str]:
    """How a key is treated, and, unless it is implemented, the consequence."""
    if section.startswith("X-") or key.startswith("X-"):
        return Outcome.DONE, ""
    for table in (_DONE, _MEANINGLESS):
        if section in table and re.fullmatch(table[section], key):
            return Outcome.DONE, ""
    for pattern, meaning in _CONTAINED.items():
        if re.fullmatch(pattern, key):
            return Outcome.CONTAINED, meaning
    for pattern, meaning in _UNDONE.items():
        if re.fullmatch(pattern, key):
            return Outcome.UNDONE, meaning
    return Outcome.UNDONE, f"is not a key of the section {section} that is known here"


def not_done(keys: Iterable[tuple[str, str]], kind: Outcome) -> tuple[IgnoredDirective, ...]:
    """Those of the keys that have this outcome, with what it means, sorted."""
    found = ((key, *outcome(section, key)) for section, key in keys)
    return tuple(sorted({IgnoredDirective(key, meaning) for key, result, meaning in found if result is kind}))
