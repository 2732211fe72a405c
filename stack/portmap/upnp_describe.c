/* The documents of the gateway device: of itself (UPnP Device Architecture section 2.3) and of its services (2.5). */
#include "stack/portmap/upnp_impl.h"

#include <string.h>

const it_upnpi_service it_upnpi_services[IT_UPNPI_SERVICES] = {
    [IT_UPNPI_IP] = {"urn:schemas-upnp-org:service:WANIPConnection:", 0, "urn:upnp-org:serviceId:WANIPConn1",
                     "/scpd.xml", "/ctl", "/evt"},
    [IT_UPNPI_IF] = {"urn:schemas-upnp-org:service:WANCommonInterfaceConfig:", 1,
                     "urn:upnp-org:serviceId:WANCommonIFC1", "/scpd-if.xml", "/ctl-if", "/evt-if"},
};

uint8_t it_upnpi_version(const it_upnp_server *s, int service)
{
    uint8_t v = it_upnpi_services[service].version;
    return v && v < s->cfg.version ? v : s->cfg.version;
}

static void service(const it_upnp_server *s, it_str *out, int k)
{
    const it_upnpi_service *v = &it_upnpi_services[k];
    it_str_printf(out,
                  "<serviceList><service><serviceType>%s%d</serviceType><serviceId>%s</serviceId><SCPDURL>%s</"
                  "SCPDURL><controlURL>%s</controlURL>"
                  "<eventSubURL>%s</eventSubURL></service></serviceList>",
                  v->type, it_upnpi_version(s, k), v->id, v->scpd, v->ctl, v->evt);
}

static void device(const it_upnp_server *s, it_str *out, const char *type, const char *name, int udn)
{
    it_str_printf(out,
                  "<device><deviceType>" IT_UPNPI_DEVICE
                  "%s:%d</deviceType><friendlyName>%s</friendlyName><manufacturer>icetank</manufacturer>"
                  "<modelName>box</modelName><UDN>" IT_UPNPI_UUID "%d</UDN>",
                  type, s->cfg.version, name, udn);
}

void it_upnpi_describe(const it_upnp_server *s, it_str *out)
{
    it_str_puts(
        out, "<?xml version=\"1.0\"?>\r\n<root "
             "xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major><minor>1</minor></specVersion>");
    device(s, out, "InternetGatewayDevice", "icetank box", 1);
    it_str_puts(out, "<deviceList>");
    device(s, out, "WANDevice", "wan", 2);
    service(s, out, IT_UPNPI_IF);
    it_str_puts(out, "<deviceList>");
    device(s, out, "WANConnectionDevice", "connection", 3);
    service(s, out, IT_UPNPI_IP);
    it_str_puts(out, "</device></deviceList></device></deviceList></device></root>\r\n");
}

/* --- services --- */

/* Cuts the first word off |*words|, into |out|; false when there is none. */
static bool word(const char **words, char out[64])
{
    size_t n = strcspn(*words, " ");
    if (n == 0 || n >= 64)
        return false;
    memcpy(out, *words, n);
    out[n] = '\0';
    *words += n + ((*words)[n] == ' ');
    return true;
}

static void arguments(it_str *out, const char *names, const char *direction)
{
    char name[64];
    while (word(&names, name))
        it_str_printf(out,
                      "<argument><name>%s</name><direction>%s</direction><relatedStateVariable>%s</"
                      "relatedStateVariable></argument>",
                      name, direction, it_upnpi_variable_of(name));
}

static void variable(it_str *out, const it_upnpi_variable *v)
{
    char name[64];
    const char *allowed = v->allowed ? v->allowed : "";
    it_str_printf(out, "<stateVariable sendEvents=\"%s\"><name>%s</name><dataType>%s</dataType>",
                  v->evented ? "yes" : "no", v->name, v->type);
    if (v->allowed)
        it_str_puts(out, "<allowedValueList>");
    while (word(&allowed, name))
        it_str_printf(out, "<allowedValue>%s</allowedValue>", name);
    it_str_printf(out, "%s</stateVariable>", v->allowed ? "</allowedValueList>" : "");
}

static void action(it_str *out, const it_upnpi_action *a)
{
    bool has_arguments = *a->in || *a->out;
    it_str_printf(out, "<action><name>%s</name>%s", a->name, has_arguments ? "<argumentList>" : "");
    arguments(out, a->in, "in");
    arguments(out, a->out, "out");
    it_str_printf(out, "%s</action>", has_arguments ? "</argumentList>" : "");
}

void it_upnpi_scpd(const it_upnp_server *s, int service, it_str *out)
{
    uint8_t version = it_upnpi_version(s, service);
    it_str_puts(out,
                "<?xml version=\"1.0\"?>\r\n<scpd "
                "xmlns=\"urn:schemas-upnp-org:service-1-0\"><specVersion><major>1</major><minor>1</minor></specVersion>"
                "<actionList>");
    for (const it_upnpi_action *a = it_upnpi_actions; a->name; a++)
        if (a->service == service && a->since <= version)
            action(out, a);
    it_str_puts(out, "</actionList><serviceStateTable>");
    for (const it_upnpi_variable *v = it_upnpi_variables; v->name; v++)
        if (v->service == service && v->since <= version)
            variable(out, v);
    it_str_puts(out, "</serviceStateTable></scpd>\r\n");
}
