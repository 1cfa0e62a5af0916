// What the Java program finds in a layer.
package greeting;

public class Greeting {
    public static final String TEXT = "from the layer";
}
