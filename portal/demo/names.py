"""Names, places and words that the demo is made of; none of it anybody's own.

E-mail addresses end in example.com and its like, phone numbers are 555-01XX.
"""

from __future__ import annotations

from portal.people import rules


def _listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(item.split()) for item in text.split(","))


GIVEN = _listed("""
    Aaliyah, Abigail, Ada, Aiden, Amara, Amina, Andrew, Angela, Anh, Anthony, Aoife, Ashley,
    Benjamin, Brian, Caleb, Carol, Charlotte, Chidi, Chloe, Chloé, Christopher, Daniel, David,
    Deborah, Dmitri, Donna, Dorothy, Edward, Eleanor, Elif, Elizabeth, Emily, Emma, Ethan,
    Fatima, François, Frank, George, Grace, Hannah, Harold, Helen, Henry, Hiroshi, Imani, Isaac,
    Jack, Jacob, James, Janet, Jasmine, Jean, Jennifer, Joan, John, Joseph, Joshua, Joyce,
    Julia, Karen, Kevin, Kwame, Laila, Larry, Laura, Leila, Liam, Linda, Logan, Mai, Margaret,
    Mark, Martha, Mary, Mason, Matthew, Megan, Mei, Michael, Mohammed, Nancy, Nathan, Nia,
    Nicole, Noah, Nora, Olivia, Oscar, Owen, Patricia, Paul, Peter, Priya, Rachel, Raj, Raymond,
    Rebecca, Richard, Robert, Ruth, Ryan, Samuel, Sandra, Sara, Scott, Sean, Siobhán, Sofia,
    Sophie, Søren, Stephen, Susan, Sven, Tamika, Thomas, Tyler, Victoria, Walter, William, Yuki,
    Zoë
""")
FAMILY = _listed("""
    Adams, Adeyemi, Ahmed, Ali, Allen, Anderson, Bailey, Baker, Begum, Bell, Bergström, Brooks,
    Brown, Campbell, Carter, Chen, Clark, Cohen, Collins, Cooper, Cox, Côté, D'Angelo, Davis,
    Diallo, Edwards, Evans, Fischer, Foster, Gray, Green, Gupta, Hall, Harris, Hassan, Hill,
    Howard, Hughes, Ivanov, Jackson, Johnson, Jones, Kelly, Kennedy, Khan, Kim, King, Kowalski,
    Kumar, Lee, Lewis, Li, Long, MacDonald, Miller, Mitchell, Moore, Morgan, Morris, Murphy,
    Myers, Müller, Nakamura, Nelson, Nguyen, Novák, O'Brien, O'Connor, Okafor, Okonkwo, Park,
    Parker, Patel, Pham, Phillips, Price, Reed, Reid, Roberts, Robinson, Rogers, Rossi, Russell,
    Scott, Shah, Silva, Singh, Smith, St. John, Stewart, Sullivan, Tanaka, Taylor, Thomas,
    Thompson, Tran, Turner, van der Berg, Walker, Ward, Washington, Watson, White, Williams,
    Wilson, Wong, Wood, Wright, Yamamoto, Yang, Young, Yılmaz, Zhang
""")
SPANISH_GIVEN = _listed("""
    Alejandra, Ana, Andrés, Carlos, Carmen, Diego, Elena, Esperanza, Fernando, Gabriela,
    Guadalupe, Inés, Javier, Jesús, Jorge, José, Juan, Lucía, Luis, Luz, Manuel, María, Mateo,
    Miguel, Pilar, Rafael, Rocío, Rosa, Santiago, Sofía, Teresa, Valentina, Ximena
""")
SPANISH_FAMILY = _listed("""
    Álvarez, Castillo, Cruz, de la Cruz, Díaz, Domínguez, Fernández, Flores, García, Gómez,
    González, Gutiérrez, Hernández, Ibáñez, Jiménez, López, Martínez, Mendoza, Morales, Muñoz,
    Núñez, Ortiz, Peña, Pérez, Ramírez, Ramos, Reyes, Rivera, Rodríguez, Romero, Ruiz, Sánchez,
    Torres, Vásquez, Zúñiga, García Márquez, Ortega-Cruz
""")
_NICKNAMES = _listed("""
    Abigail Abby, Alejandra Ale, Andrew Andy, Anthony Tony, Benjamin Ben, Christopher Chris,
    Daniel Dan, Deborah Debbie, Edward Ted, Elizabeth Beth, Fernando Nando, Guadalupe Lupita,
    James Jim, Jennifer Jen, José Pepe, Joseph Joe, Joshua Josh, Margaret Peggy, Matthew Matt,
    Michael Mike, Nathan Nate, Patricia Pat, Rebecca Becky, Richard Rick, Robert Bob, Samuel Sam,
    Stephen Steve, Susan Sue, Thomas Tom, Victoria Vicky, William Bill
""")
NICKNAMES = dict(pair.split(" ") for pair in _NICKNAMES)
"""Given name -> what friends say."""
STREETS = _listed("""
    Acorn Street, Beacon Hill Road, Birch Lane, Canal Street, Cedar Avenue, Chestnut Street,
    Church Street, Elm Street, Fairview Avenue, Garden Street, Grove Street, Harbor Road, High
    Street, Hillside Avenue, Lakeview Drive, Lincoln Street, Main Street, Maple Street, Meadow
    Lane, Mill Road, Oak Street, Orchard Street, Park Avenue, Pearl Street, Pine Street,
    Pleasant Street, Prospect Street, River Road, School Street, Spring Street, Summer Street,
    Union Street, Walnut Street, Washington Street, Willow Court, Winter Street
""")
TOWNS = (
    ("Boston", "MA", "02118", "617"),
    ("Cambridge", "MA", "02139", "617"),
    ("Somerville", "MA", "02143", "617"),
    ("Quincy", "MA", "02169", "617"),
    ("Brookline", "MA", "02445", "617"),
    ("Newton", "MA", "02458", "857"),
    ("Waltham", "MA", "02451", "781"),
    ("Medford", "MA", "02155", "781"),
    ("Framingham", "MA", "01701", "508"),
    ("Worcester", "MA", "01604", "774"),
    ("Lowell", "MA", "01852", "978"),
    ("Springfield", "MA", "01103", "413"),
    ("Providence", "RI", "02903", "401"),
    ("Nashua", "NH", "03060", "603"),
)
"""City, state, ZIP code, area code."""

WORDS = _listed("""
    acorn, amber, anchor, apricot, autumn, barley, basket, beacon, birch, bramble, breeze,
    candle, canyon, cedar, cherry, cinder, clover, copper, coral, cotton, cricket, daisy,
    dapple, ember, falcon, feather, fennel, fern, flint, garnet, ginger, granite, harbor, hazel,
    heron, honey, indigo, island, ivory, jasper, juniper, kettle, lagoon, lantern, lavender,
    lemon, linen, maple, marble, meadow, mellow, nutmeg, olive, orchard, otter, pebble, pepper,
    plum, pumpkin, quartz, quiet, raven, river, saffron, sparrow, thistle, timber, tulip,
    velvet, willow
""")
"""For a password that a person can type."""

DOMAINS = ("example.com", "example.org", "example.net")
"""Where nobody has a mailbox (RFC 2606)."""
AREA_CODES = tuple(dict.fromkeys(town[3] for town in TOWNS))


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def slug(text: str) -> str:
    """A name as it stands in addresses and usernames: "María de la Cruz" gives maria.de.la.cruz."""
    plain = rules.fold(text).replace("'", "").replace("’", "")
    return ".".join("".join(c if c in _PLAIN else " " for c in plain).split())
