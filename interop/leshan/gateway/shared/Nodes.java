import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.link.DefaultLinkParser;
import org.eclipse.leshan.core.link.DefaultLinkSerializer;
import org.eclipse.leshan.core.link.Link;
import org.eclipse.leshan.core.link.LinkParseException;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mMultipleResource;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.LwM2mRoot;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.node.ObjectLink;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.core.util.datatype.ULong;

/** Nodes of the resource tree to and from JSON. */
final class Nodes {
    static final ObjectMapper MAPPER = new ObjectMapper();
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    static JsonNode toJson(LwM2mNode node) {
        if (node == null) {
            return JSON.nullNode();
        }
        ObjectNode json = JSON.objectNode();
        if (node instanceof LwM2mRoot) {
            ArrayNode objects = json.put("kind", "root").putArray("objects");
            ((LwM2mRoot) node).getObjects().values().forEach(o -> objects.add(toJson(o)));
        } else if (node instanceof LwM2mObject) {
            LwM2mObject object = (LwM2mObject) node;
            ArrayNode instances = json.put("kind", "obj").put("id", object.getId()).putArray("instances");
            object.getInstances().values().forEach(i -> instances.add(toJson(i)));
        } else if (node instanceof LwM2mObjectInstance) {
            LwM2mObjectInstance instance = (LwM2mObjectInstance) node;
            ArrayNode resources = json.put("kind", "instance").put("id", instance.getId()).putArray("resources");
            instance.getResources().values().forEach(r -> resources.add(toJson(r)));
        } else if (node instanceof LwM2mMultipleResource) {
            LwM2mMultipleResource resource = (LwM2mMultipleResource) node;
            json.put("kind", "multiResource").put("id", resource.getId()).put("type", resource.getType().name());
            ObjectNode values = json.putObject("values");
            resource.getInstances().forEach((id, i) -> values.set(id.toString(), value(i.getType(), i.getValue())));
        } else if (node instanceof LwM2mSingleResource) {
            LwM2mSingleResource resource = (LwM2mSingleResource) node;
            json.put("kind", "singleResource").put("id", resource.getId()).put("type", resource.getType().name());
            json.set("value", value(resource.getType(), resource.getValue()));
        } else {
            LwM2mResourceInstance instance = (LwM2mResourceInstance) node;
            json.put("kind", "resourceInstance").put("id", instance.getId()).put("type", instance.getType().name());
            json.set("value", value(instance.getType(), instance.getValue()));
        }
        return json;
    }

    static JsonNode toJson(Map<LwM2mPath, LwM2mNode> nodes) {
        ObjectNode json = JSON.objectNode();
        nodes.forEach((path, node) -> json.set(path.toString(), toJson(node)));
        return json;
    }

    /** 64-bit numbers travel as strings, because JSON readers round them. */
    private static JsonNode value(Type type, Object value) {
        switch (type) {
            case BOOLEAN:
                return JSON.booleanNode((Boolean) value);
            case TIME:
                return JSON.numberNode(((Date) value).getTime());
            case OPAQUE:
                return JSON.textNode(Hex.encodeHexString((byte[]) value));
            case OBJLNK:
                ObjectLink link = (ObjectLink) value;
                return JSON.objectNode().put("objectId", link.getObjectId())
                        .put("objectInstanceId", link.getObjectInstanceId());
            case CORELINK:
                return JSON.textNode(new DefaultLinkSerializer().serializeCoreLinkFormat((Link[]) value));
            default:
                return JSON.textNode(value.toString());
        }
    }

    static LwM2mNode fromJson(JsonNode json) throws Http.Refused {
        try {
            return parse(json);
        } catch (LinkParseException | RuntimeException e) {
            throw new Http.Refused(400, "Invalid node: " + e.getMessage());
        }
    }

    private static LwM2mNode parse(JsonNode json) throws LinkParseException {
        int id = json.path("id").asInt();
        switch (json.path("kind").asText()) {
            case "obj":
                List<LwM2mObjectInstance> instances = new ArrayList<>();
                for (JsonNode i : json.path("instances")) {
                    instances.add((LwM2mObjectInstance) parse(i));
                }
                return new LwM2mObject(id, instances);
            case "instance":
                List<LwM2mResource> resources = new ArrayList<>();
                for (JsonNode r : json.path("resources")) {
                    resources.add((LwM2mResource) parse(r));
                }
                return json.has("id") ? new LwM2mObjectInstance(id, resources) : new LwM2mObjectInstance(resources);
            case "multiResource":
                List<LwM2mResourceInstance> values = new ArrayList<>();
                for (Map.Entry<String, JsonNode> v : json.path("values").properties()) {
                    values.add(LwM2mResourceInstance.newInstance(Integer.parseInt(v.getKey()),
                            value(type(json), v.getValue()), type(json)));
                }
                return new LwM2mMultipleResource(id, type(json), values);
            case "singleResource":
                return LwM2mSingleResource.newResource(id, value(type(json), json.path("value")), type(json));
            case "resourceInstance":
                return LwM2mResourceInstance.newInstance(id, value(type(json), json.path("value")), type(json));
            default:
                throw new IllegalArgumentException("unknown kind in " + json);
        }
    }

    private static Type type(JsonNode json) {
        return Type.valueOf(json.path("type").asText().toUpperCase());
    }

    private static Object value(Type type, JsonNode json) throws LinkParseException {
        switch (type) {
            case INTEGER:
                return Long.valueOf(json.asText());
            case UNSIGNED_INTEGER:
                return ULong.valueOf(json.asText());
            case FLOAT:
                return Double.valueOf(json.asText());
            case BOOLEAN:
                return json.asBoolean();
            case TIME:
                return new Date(json.asLong());
            case OPAQUE:
                return Hex.decodeHex(json.asText().toCharArray());
            case OBJLNK:
                return new ObjectLink(json.path("objectId").asInt(), json.path("objectInstanceId").asInt());
            case CORELINK:
                return new DefaultLinkParser().parseCoreLinkFormat(json.asText().getBytes(StandardCharsets.UTF_8));
            default:
                return json.asText();
        }
    }

    private Nodes() {}
}
