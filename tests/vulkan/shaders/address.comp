#version 460
#extension GL_EXT_buffer_reference : require
layout(local_size_x = 1) in;
layout(buffer_reference) buffer Node;
layout(buffer_reference, std430) buffer Node { uint value; uint pad; Node next; };
layout(binding = 0) buffer Out { uint data[]; };
layout(push_constant) uniform Push { Node head; };
void main()
{
    Node node = head;
    for (uint i = 0; i < 32; i++) {
        data[i] = node.value;
        node.value += 1000;
        node = node.next;
    }
}
