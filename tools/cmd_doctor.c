/* SPDX-License-Identifier: MIT */
/* `gpupv doctor`: finds the step at which a program's way to the host's GPU ends. */
#include "tools/commands.h"

#include <stdlib.h>
#include <string.h>

#include "loader/guest_hive.h"
#include "tools/doctor.h"
#include "tools/guest.h"
#include "tools/output.h"

static const char *const outcome_names[] = {"ok", "failed", "skipped"};

static void report_json(struct doctor *doctor, const char *step, size_t adapter,
                        enum doctor_outcome outcome, const char *detail, const char *remedy)
{
    json_object *object = json_object_new_object();

    json_add_text(object, "step", step);
    if (adapter == DOCTOR_NO_ADAPTER)
        json_object_object_add(object, "adapter", NULL);
    else
        json_add_number(object, "adapter", adapter);
    json_add_text(object, "outcome", outcome_names[outcome]);
    json_add_text(object, "detail", detail);
    json_add_text(object, "remedy", remedy);
    json_object_array_add(doctor->steps, object);
}

void doctor_report(struct doctor *doctor, const char *step, size_t adapter,
                   enum doctor_outcome outcome, const char *detail, const char *remedy)
{
    char name[64];

    doctor->failed += outcome == DOCTOR_FAILED;
    if (doctor->steps) {
        report_json(doctor, step, adapter, outcome, detail, remedy);
        return;
    }
    if (adapter == DOCTOR_NO_ADAPTER)
        snprintf(name, sizeof(name), "%s", step);
    else
        snprintf(name, sizeof(name), "adapter %zu: %s", adapter, step);
    printf("%-24s %-8s ", name, outcome_names[outcome]);
    output_text(stdout, detail);
    putchar('\n');
    if (remedy) {
        printf("%-33s remedy: ", "");
        output_text(stdout, remedy);
        putchar('\n');
    }
    /* What is known so far shall be seen even if a driver ends this process. */
    fflush(stdout);
}

static void check_transport(struct doctor *doctor)
{
    const char *configured = getenv("GPUPV_HOST");
    char detail[512];

    snprintf(detail, sizeof(detail), "%s (%s)", guest_host_uri(),
             configured && *configured ? "from GPUPV_HOST" : "the default; GPUPV_HOST is not set");
    if (strncmp(guest_host_uri(), "unix:", 5) == 0 || strcmp(guest_host_uri(), "embedded:") == 0)
        doctor_report(doctor, "transport", DOCTOR_NO_ADAPTER, DOCTOR_OK, detail, NULL);
    else
        doctor_report(
            doctor, "transport", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, detail,
            "set GPUPV_HOST to unix:PATH, the path of the host's socket in this guest, or "
            "to embedded: for a private service on this machine");
}

static const char *connect_remedy(void)
{
    if (strcmp(guest_host_uri(), "embedded:") == 0)
        return "see the reason; GPUPV_SERVICE names gpupvd, and GPUPV_CONFIG its configuration";
    return "start gpupvd on the host, and make its socket visible in this guest at the path above "
           "(a container: bind-mount the folder /run/gpupv)";
}

static bool check_connection(struct doctor *doctor)
{
    struct gpupv_kmt_info info;
    struct error err = {0};
    char detail[512];

    if (guest_connect(&info, &err) < 0) {
        doctor_report(doctor, "connect", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, err.text,
                      connect_remedy());
        return false;
    }
    snprintf(detail, sizeof(detail), "%s, gpupv %s", info.transport, info.host_version);
    doctor_report(doctor, "connect", DOCTOR_NO_ADAPTER, DOCTOR_OK, detail, NULL);
    snprintf(detail, sizeof(detail), "version %u of the host's %u to %u", info.protocol_version,
             info.protocol_min, info.protocol_max);
    doctor_report(doctor, "protocol", DOCTOR_NO_ADAPTER, DOCTOR_OK, detail, NULL);
    return true;
}

static const struct {
    enum loader_step step;
    const char *name, *remedy;
} loading[] = {
    {LOADER_STEP_DRIVER_NAME, "driver-name",
     "on the host: gpupv host store add MANIFEST --adapter NAME"},
    {LOADER_STEP_MANIFEST, "manifest",
     "map the host's driver store into this guest, read-only, at the path that guest-store= in the "
     "host's gpupv.ini names (default /run/gpupv/HostDriverStore)"},
    {LOADER_STEP_PACKAGE, "package",
     "on the host: gpupv host store verify --all; remove the damaged package and add it anew"},
    {LOADER_STEP_SIGNATURE, "signature",
     "see the reason; on the host \"gpupv host store sign\" signs the package, and in this guest "
     "trusted.d beside guest.json holds the public keys of the hosts that are trusted"},
    {LOADER_STEP_LIBRARY, "library",
     "install in this guest the libraries that the reason names, or give the adapter a driver that "
     "is built for this guest's architecture"},
    {LOADER_STEP_NEGOTIATE, "negotiate",
     "the driver speaks another driver interface: put a newer one into the host's store"},
};

static const char *describe_signature(const struct loader_adapter *adapter)
{
    switch (adapter->signature.state) {
    case TRUST_SIGNED:
        return "signed with a key that this guest trusts";
    case TRUST_UNKNOWN_KEY:
        return "signed with a key that this guest does not know; test signing accepts it";
    case TRUST_WRONG:
        return "the signature is wrong; test signing accepts it all the same";
    default:
        return "not signed; test signing accepts it";
    }
}

/* What an earlier step found, for its line. */
static const char *found(const struct loader_adapter *adapter, enum loader_step step)
{
    const char *text = NULL;

    if (step == LOADER_STEP_DRIVER_NAME || step == LOADER_STEP_MANIFEST)
        text = adapter->manifest_path;
    if (step == LOADER_STEP_PACKAGE)
        text = adapter->store_path;
    if (step == LOADER_STEP_SIGNATURE && adapter->signature_known)
        text = describe_signature(adapter);
    if (step == LOADER_STEP_LIBRARY && adapter->umd)
        text = adapter->umd->library_path;
    return text ? text : "as it should be";
}

static void check_loading(struct doctor *doctor, const struct loader_adapter *adapter, size_t index)
{
    char detail[512];

    for (size_t i = 0; i < sizeof(loading) / sizeof(loading[0]); i++) {
        if (adapter->step < loading[i].step) {
            doctor_report(doctor, loading[i].name, index, DOCTOR_SKIPPED, "because of the above",
                          NULL);
        } else if (adapter->step == loading[i].step) {
            doctor_report(doctor, loading[i].name, index, DOCTOR_FAILED, adapter->error.text,
                          loading[i].remedy);
        } else if (loading[i].step == LOADER_STEP_NEGOTIATE && adapter->umd) {
            snprintf(detail, sizeof(detail), "driver interface version %u",
                     adapter->umd->interface_version);
            doctor_report(doctor, loading[i].name, index, DOCTOR_OK, detail, NULL);
        } else {
            doctor_report(doctor, loading[i].name, index, DOCTOR_OK,
                          found(adapter, loading[i].step), NULL);
        }
    }
}

static void check_device(struct doctor *doctor, const struct loader_adapter *adapter, size_t index)
{
    char detail[1024];

    if (!adapter->umd)
        doctor_report(doctor, "device", index, DOCTOR_SKIPPED, "because of the above", NULL);
    else if (doctor_try_driver(adapter->umd, detail, sizeof(detail)) == 0)
        doctor_report(doctor, "device", index, DOCTOR_OK, detail, NULL);
    else
        doctor_report(
            doctor, "device", index, DOCTOR_FAILED, detail,
            "the driver is found, but does not work here: see what it needs of this guest "
            "(devices in /dev, libraries), or give the adapter another driver");
}

/* Reads the configuration on its own, so that it is told even where no adapter is offered. */
static void check_trust(struct doctor *doctor)
{
    struct trust *trust;
    struct error err = {0};
    char detail[512];

    if (trust_load(&trust, &err) < 0) {
        doctor_report(doctor, "trust", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, err.text,
                      "correct the file in this guest; gpupv(1), GUEST CONFIGURATION");
        return;
    }
    snprintf(detail, sizeof(detail), "%zu trusted %s, test signing is %s (%s)", trust->key_count,
             trust->key_count == 1 ? "key" : "keys", trust->test_signing ? "on" : "off",
             trust->path);
    doctor_report(doctor, "trust", DOCTOR_NO_ADAPTER, DOCTOR_OK, detail, NULL);
    trust_destroy(trust);
}

static void check_pairing(struct doctor *doctor)
{
    struct error err = {0};
    bool named, paired;
    char detail[512];

    if (guest_hive_pairing(&paired, &err) < 0) {
        doctor_report(doctor, "pairing", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, err.text,
                      "correct the file in this guest; \"gpupv guest reg\" reads and changes it");
        return;
    }
    snprintf(detail, sizeof(detail), "%s (%s)",
             paired ? "on: adapters may draw to this guest's display"
                    : "off: GpuVirtualizationFlags lets no adapter draw to a window",
             guest_hive_path(&named));
    doctor_report(doctor, "pairing", DOCTOR_NO_ADAPTER, DOCTOR_OK, detail, NULL);
}

static void check_adapters(struct doctor *doctor)
{
    struct loader *loader;
    struct error err = {0};
    char detail[64];

    if (loader_create(&loader, &err) < 0) {
        doctor_report(doctor, "adapters", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, err.text,
                      "see the host's log: journalctl -u gpupvd");
        return;
    }
    snprintf(detail, sizeof(detail), "%zu offered", loader->adapter_count);
    doctor_report(
        doctor, "adapters", DOCTOR_NO_ADAPTER, loader->adapter_count ? DOCTOR_OK : DOCTOR_FAILED,
        detail,
        loader->adapter_count
            ? NULL
            : "on the host, \"gpupv host gpus\" lists the devices that can be offered, and "
              "\"journalctl -u gpupvd\" tells why one is left out");
    for (size_t i = 0; i < loader->adapter_count; i++) {
        check_loading(doctor, &loader->adapters[i], i);
        check_device(doctor, &loader->adapters[i], i);
    }
    loader_destroy(loader);
}

enum exit_code cmd_doctor(const struct cli *cli)
{
    struct doctor doctor = {.steps = output_is_json(cli) ? json_object_new_array() : NULL};

    check_transport(&doctor);
    if (check_connection(&doctor)) {
        check_trust(&doctor);
        check_pairing(&doctor);
        check_adapters(&doctor);
    } else {
        doctor_report(&doctor, "protocol", DOCTOR_NO_ADAPTER, DOCTOR_SKIPPED,
                      "because of the above", NULL);
        check_trust(&doctor);
        check_pairing(&doctor);
        doctor_report(&doctor, "adapters", DOCTOR_NO_ADAPTER, DOCTOR_SKIPPED,
                      "because of the above", NULL);
    }
    doctor_check_icd(&doctor);

    if (doctor.steps) {
        json_object *document = json_object_new_object();

        json_add_boolean(document, "ok", doctor.failed == 0);
        json_object_object_add(document, "steps", doctor.steps);
        output_json(document);
    } else if (doctor.failed) {
        printf("\n%zu %s failed.\n", doctor.failed, doctor.failed == 1 ? "step" : "steps");
    } else {
        printf("\nEverything is well: Vulkan programs in this guest find the host's GPUs.\n");
    }
    return doctor.failed ? EXIT_FAILED : EXIT_DONE;
}
